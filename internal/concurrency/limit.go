// Package concurrency implements concurrency limits: the number of slots and their
// holders (contract §3.4, §4.6).
//
// A limit has no counter that could leak. It has slot leases, each with a holder. The
// claim of a run counts while the run is in the RUNNING state that the slot was
// claimed for. Other leases count until they expire. So a slot becomes free without a
// release. The next write of the limit removes expired leases.
package concurrency

import (
	"cmp"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// TagPrefix is the prefix of the names of limits on tags.
const TagPrefix = "tag:"

// Limits of a Limit.
const (
	MaxName   = 256
	MaxLeases = 1024 // a limit with this number of slot leases is full, even if it has more slots
)

// Limit is a stored concurrency limit.
type Limit struct {
	ID             string
	Name           string
	Created        time.Time
	Updated        time.Time
	Active         bool    // false: the limit does not apply
	Slots          int     // total number
	Decay          float64 // slots that become free per second; 0: none
	Leases         []SlotLease
	Anonymous      AnonymousSlots // slots without a holder
	Denied         int            // denied slots
	ReportedActive int            // number of used slots in the status, from the last write

	// Occupancy is the moving average of slot occupancy, in seconds.
	Occupancy float64

	// Received is the time at which this replica received the write of Updated, by its
	// own clock. Zero: unknown. Not stored.
	Received time.Time

	Recorded Recorded
	Revision taskrun.ObjectRef
}

// Recorded is the part of the status about the limit itself.
type Recorded struct {
	Generation int64     // of the spec
	Stalled    string    // why the limit does not apply, and the fix; empty: it applies
	Since      time.Time // of the last change of Stalled from or to empty; zero: never recorded
}

// SlotLease is the slots of one holder.
type SlotLease struct {
	ID     string // of the lease or the claim
	Slots  int
	Kind   string // of the holder, such as task_run; empty: unknown
	Holder string // id of the holder
	// ObjectName and ObjectUID identify the object of a holder that is a task run;
	// empty: unknown at every write of the limit.
	ObjectName, ObjectUID string
	// StateID is the id of the RUNNING state for which a run claims the slot. Empty:
	// the lease is not a claim.
	StateID string
	Since   time.Time
	// Until is the expiration of a lease, or the deadline for the write of the state of
	// a claim. Nil: the lease ends with its release.
	Until *time.Time
	// Names are the names of all limits of a lease over several limits.
	Names []string
}

// KindTaskRun is the kind of a holder that is a task run.
const KindTaskRun = "task_run"

// AnonymousSlots are slots that were acquired without a holder.
type AnonymousSlots struct {
	Slots     float64
	UpdatedAt time.Time // time of the last update of Slots, from which they decay
}

// claimID identifies a claim.
func claimID(runID, stateID string) string { return runID + "/" + stateID }

func (h *SlotLease) isClaim() bool { return h.StateID != "" }

// validity is the state of a slot lease.
type validity int

const (
	valid    validity = iota
	expired           // does not count
	orphaned          // probably expired: Service.confirmOrphaned decides
)

// validity returns the validity at a time. run is the known version of the holder,
// nil if none is known.
func (h *SlotLease) validity(now time.Time, run *taskrun.Run) validity {
	if h.isClaim() {
		return h.validityOfClaim(now, run)
	}
	if h.Until == nil {
		return h.validityWithoutExpiry(run)
	}
	if !now.Before(*h.Until) || (run != nil && run.Finished() && !run.EndRecorded.Before(h.Since)) {
		return expired
	}
	return valid
}

// validityWithoutExpiry returns the validity of a lease that ends with its release. A
// lease of a finished or deleted run is orphaned. The known version of the run can be
// older than the lease, and their times can be from different clocks, so neither
// proves that the lease has expired.
func (h *SlotLease) validityWithoutExpiry(run *taskrun.Run) validity {
	finished := run != nil && run.Finished()
	deleted := run == nil && h.ObjectUID != ""
	if finished || deleted {
		return orphaned
	}
	return valid
}

func (h *SlotLease) validityOfClaim(now time.Time, run *taskrun.Run) validity {
	switch {
	case run != nil && run.Holds(h.StateID):
		return valid
	case run != nil && run.Has(h.StateID):
		return expired
	case h.Until == nil || now.Before(*h.Until):
		return valid
	default:
		return orphaned
	}
}

// anonymousSlots returns the number of slots without a holder, after decay.
func (l *Limit) anonymousSlots(now time.Time) float64 {
	return max(0, l.Anonymous.Slots-l.Decay*max(0, now.Sub(l.Anonymous.UpdatedAt).Seconds()))
}

const (
	// maxSkew is the maximum difference between the clocks of replicas.
	maxSkew = 10 * time.Minute
	// maxDelay is the maximum time of the delivery of a write. A shorter time between a
	// write and its delivery does not count as a difference of the clocks.
	maxDelay = 2 * time.Second
)

// skew returns the time by which the clock of this replica is ahead of the clock of
// the last writer, 0 if unknown. A late delivery counts as skew too and extends the
// leases.
func (l *Limit) skew() time.Duration {
	if l.Received.IsZero() {
		return 0
	}
	if ahead := l.Received.Sub(l.Updated); ahead.Abs() > maxDelay && ahead.Abs() <= maxSkew {
		return ahead
	}
	return 0
}

// shift adds a duration to the times of all slot leases.
func (l *Limit) shift(by time.Duration) {
	for i := range l.Leases {
		h := &l.Leases[i]
		h.Since = h.Since.Add(by)
		if h.Until != nil {
			until := h.Until.Add(by)
			h.Until = &until
		}
	}
}

// addAnonymous acquires slots without a holder, or releases them if n is negative. A
// time from a clock that is ahead is kept: after an earlier time, that clock would
// decay the difference again at each of its writes.
func (l *Limit) addAnonymous(n int, now time.Time) {
	at := now
	if ahead := l.Anonymous.UpdatedAt.Sub(now); ahead > 0 && ahead <= maxSkew {
		at = l.Anonymous.UpdatedAt
	}
	l.Anonymous = AnonymousSlots{Slots: max(0, l.anonymousSlots(now)+float64(n)), UpdatedAt: at}
}

// recordOccupancy adds the occupancy of a slot to the moving average. The weight of
// one slot decreases with the number of slots (contract §3.4).
func (l *Limit) recordOccupancy(seconds float64) {
	l.Occupancy += (seconds - l.Occupancy) / float64(2*max(l.Slots, 1))
}

// UsualOccupancy is the initial average occupancy, in seconds.
const UsualOccupancy = 2.0

// clone returns a copy that a transaction can edit.
func (l *Limit) clone() *Limit {
	c := *l
	c.Leases = slices.Clone(l.Leases)
	return &c
}

// byClaim orders limits of one id by the rank of their objects, then as byName does.
func byClaim(a, b *Limit) int {
	claim := func(l *Limit) taskrun.IDClaim { return taskrun.ClaimOf(l.ID, l.Revision.UID, l.Revision.Name) }
	return cmp.Or(cmp.Compare(claim(a), claim(b)), byName(a, b))
}

// byName orders limits by name, then by age.
func byName(a, b *Limit) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}
