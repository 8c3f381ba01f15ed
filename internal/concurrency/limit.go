// Package concurrency keeps concurrency limits: how many may do something at
// once, and who does (contract §3.4, §4.6).
//
// A limit has no counter that could leak. It has holdings, each with somebody who
// holds slots, and a holding counts as long as that somebody still does: a run
// while it is in the RUNNING it claimed the slot for, a lease until it runs out.
// So nothing has to be given back for a slot to be free; holdings that do not
// count any more are dropped by the next write of the limit.
package concurrency

import (
	"cmp"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// TagPrefix begins the names of the limits on tags.
const TagPrefix = "tag:"

// Bounds of a limit.
const (
	MaxName     = 256
	MaxHoldings = 1024 // a limit with this number of holdings is full, whatever the number of its slots
)

// Limit is a limit as it is stored.
type Limit struct {
	ID       string
	Name     string
	Created  time.Time
	Updated  time.Time
	Active   bool    // else it does not apply
	Slots    int     // how many there are
	Decay    float64 // slots that become free by themselves, a second; 0: none do
	Holdings []Holding
	Loose    Loose // slots without a holder
	Denied   int   // slots that were refused
	Shown    int   // slots that people see as taken: how many were at the last write

	// Occupancy is the moving average of slot occupancy, in seconds.
	Occupancy float64

	// Received is when this replica received the use that was written at Updated, by
	// its own clock; zero: it is not known. It is not stored.
	Received time.Time

	Recorded Recorded
	Revision taskrun.ObjectRef
}

// Recorded is what the status of a limit says about the limit itself.
type Recorded struct {
	Generation int64     // of the spec that it is based on
	Stalled    string    // why the limit does not apply, and the fix; empty: it applies
	Since      time.Time // of the last change between the two; zero: nothing was recorded
}

// Holding is what one holder has of a limit.
type Holding struct {
	ID     string // of the lease, or of the claim
	Slots  int
	Kind   string // of the holder, such as task_run; empty: not told
	Holder string // its id
	// ObjectName and ObjectUID identify the object of a holder that is a task run;
	// empty: it was not known at any write of the limit.
	ObjectName, ObjectUID string
	// StateID makes it a claim of a run: of the state that is to be written.
	StateID string
	Since   time.Time
	// Until is when a lease runs out, or until when the state of a claim has to
	// be written; nil: it is held until it is given back.
	Until *time.Time
	// Names are those of all limits of a lease over several.
	Names []string
}

// KindTaskRun is the kind of a holder that is a task run.
const KindTaskRun = "task_run"

// Loose are slots that were taken without telling by whom.
type Loose struct {
	Slots float64
	At    time.Time // when Slots was updated; they decay from then on
}

// claimID identifies a claim.
func claimID(runID, stateID string) string { return runID + "/" + stateID }

func (h *Holding) isClaim() bool { return h.StateID != "" }

// standing is what can be said of a holding.
type standing int

const (
	counts   standing = iota
	over              // it does not count any more
	doubtful          // over, as far as is known: Service.orphaned decides
)

// stand tells what a holding is worth now, by what is known of its run, which is
// nil if nothing is.
func (h *Holding) stand(now time.Time, run *taskrun.Run) standing {
	if h.isClaim() {
		return h.standOfClaim(now, run)
	}
	if h.Until == nil {
		return h.standWithoutEnd(run)
	}
	if !now.Before(*h.Until) || (run != nil && run.Finished() && !run.EndRecorded.Before(h.Since)) {
		return over
	}
	return counts
}

// standWithoutEnd tells what is held until it is released: a finished or deleted run
// holds nothing. What is known of the run can be older than the holding, and the
// times of both can be by different clocks, so neither decides.
func (h *Holding) standWithoutEnd(run *taskrun.Run) standing {
	finished := run != nil && run.Finished()
	deleted := run == nil && h.ObjectUID != ""
	if finished || deleted {
		return doubtful
	}
	return counts
}

func (h *Holding) standOfClaim(now time.Time, run *taskrun.Run) standing {
	switch {
	case run != nil && run.Holds(h.StateID):
		return counts
	case run != nil && run.Has(h.StateID):
		return over
	case h.Until == nil || now.Before(*h.Until):
		return counts
	default:
		return doubtful
	}
}

// loose is the number of slots without a holder, after decay.
func (l *Limit) loose(now time.Time) float64 {
	return max(0, l.Loose.Slots-l.Decay*max(0, now.Sub(l.Loose.At).Seconds()))
}

const (
	// maxSkew is how far the clocks of replicas may differ for limits to hold.
	maxSkew = 10 * time.Minute
	// maxDelay is how long the delivery of a write may take. A shorter time between a
	// write and its delivery does not count as a difference of the clocks.
	maxDelay = 2 * time.Second
)

// skew is how far the clock of this replica is ahead of that of the replica that
// wrote the use of the limit, 0 if they do not differ or if it is not known. A write
// that was delivered late counts as skew too: then leases last longer by that time.
func (l *Limit) skew() time.Duration {
	if l.Received.IsZero() {
		return 0
	}
	if ahead := l.Received.Sub(l.Updated); ahead.Abs() > maxDelay && ahead.Abs() <= maxSkew {
		return ahead
	}
	return 0
}

// shift moves the times of all holdings, which are by the clock of the last writer.
func (l *Limit) shift(by time.Duration) {
	for i := range l.Holdings {
		h := &l.Holdings[i]
		h.Since = h.Since.Add(by)
		if h.Until != nil {
			until := h.Until.Add(by)
			h.Until = &until
		}
	}
}

// addLoose takes slots, or gives them back if n is negative. A time from a clock that
// is ahead stays: with an earlier one, that clock would let the difference decay again
// at each of its writes.
func (l *Limit) addLoose(n int, now time.Time) {
	at := now
	if ahead := l.Loose.At.Sub(now); ahead > 0 && ahead <= maxSkew {
		at = l.Loose.At
	}
	l.Loose = Loose{Slots: max(0, l.loose(now)+float64(n)), At: at}
}

// observe takes into account how long a slot was held: the average follows the
// latest ones, the slower the more slots there are (contract §3.4).
func (l *Limit) observe(seconds float64) {
	l.Occupancy += (seconds - l.Occupancy) / float64(2*max(l.Slots, 1))
}

// UsualOccupancy is the average occupancy before anything was seen, in seconds.
const UsualOccupancy = 2.0

// clone shares nothing that a draft edits.
func (l *Limit) clone() *Limit {
	c := *l
	c.Holdings = slices.Clone(l.Holdings)
	return &c
}

// byClaim orders limits of one id by the rank of their objects, and those of one rank
// as byName does.
func byClaim(a, b *Limit) int {
	claim := func(l *Limit) taskrun.IDClaim { return taskrun.ClaimOf(l.ID, l.Revision.UID, l.Revision.Name) }
	return cmp.Or(cmp.Compare(claim(a), claim(b)), byName(a, b))
}

// byName orders limits by name, and those of one name by age.
func byName(a, b *Limit) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}
