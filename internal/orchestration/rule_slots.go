package orchestration

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// secureTaskConcurrencySlots lets a run start only with a slot of every limit on
// its tags: all of them or none (contract §3.4). It takes no slot itself, but
// says whose are to be taken before the state is written: see Decision.Slots.
var secureTaskConcurrencySlots = Rule{
	Name:  "SecureTaskConcurrencySlots",
	From:  anyTypeOrNone,
	To:    []StateType{Running},
	Judge: judgeSlots,
}

// TagLimit holds the facts of an active limit on one of the run's tags.
type TagLimit struct {
	Tag   string
	Limit int64 // how many slots there are
	// Taken counts the slots that are taken, the run's own among them. It can be
	// more than Limit, which may have been lowered.
	Taken int64
	// Held tells that one of the taken slots is the run's own. It keeps that
	// one when it starts again, and needs no other (Prefect takes a second one,
	// contract §7.16).
	Held bool
	// AverageOccupancy is how long slots of the limit were held of late, on
	// average; 0 stands for not known.
	AverageOccupancy time.Duration
}

// full reports whether the run finds no slot.
func (l TagLimit) full() bool { return !l.Held && l.Taken >= l.Limit }

// usage is the share of the slots that is taken.
func (l TagLimit) usage() float64 { return float64(l.Taken) / float64(l.Limit) }

// The wait for a slot: the time after which one is likely to be free, spread so
// that those who wait do not all come at once (contract §3.4).
const (
	longestSlotWait  = 10 * time.Second
	slotWaitSpread   = 0.3
	shortestSlotWait = time.Second // Prefect rounds down to 0, which has clients ask without a pause
)

func judgeSlots(f Facts) Verdict {
	limits := f.TagLimits
	if len(limits) == 0 {
		return pass()
	}
	// Prefect counts on after a limit of 0, and a full one can make its ABORT a
	// WAIT (contract §7.17). Waiting would be in vain: here the ABORT stands.
	if i := slices.IndexFunc(limits, func(l TagLimit) bool { return l.Limit <= 0 }); i >= 0 {
		return abort(`The concurrency limit on tag "` + limits[i].Tag + `" is 0 and will deadlock if the task tries to run again.`)
	}
	var all, needed []string
	for _, l := range limits {
		all = append(all, l.Tag)
		if !l.Held {
			needed = append(needed, l.Tag)
		}
	}
	if slices.ContainsFunc(limits, TagLimit.full) {
		v := wait(slotWait(limits, f.Draw), "Concurrency limit reached for tags: "+strings.Join(all, ", "))
		v.AwaitsSlots = true
		return v
	}
	return Verdict{Slots: needed}
}

// slotWait is how long to wait for slots of the limits: what a slot of the one
// that is used most takes on average.
func slotWait(limits []TagLimit, draw float64) time.Duration {
	most := slices.MaxFunc(limits, func(a, b TagLimit) int { return cmp.Compare(a.usage(), b.usage()) })
	average := min(cmp.Or(most.AverageOccupancy, longestSlotWait), longestSlotWait)
	seconds := math.RoundToEven(jitter(average.Seconds(), slotWaitSpread, draw))
	return max(time.Duration(seconds)*time.Second, shortestSlotWait)
}

// HoldsSlots reports whether a run is still in the stay in RUNNING that the
// state with this id began: it was written, and nothing but RUNNING and
// CANCELLING came after it. States are the run's, oldest first, its current one
// last; whole tells that none of them is missing. Where older ones are missing,
// and all that are left are RUNNING or CANCELLING, the answer is yes: better a
// slot too few than one too many.
func HoldsSlots(states []State, id string, whole bool) bool {
	for _, s := range slices.Backward(states) {
		if !s.Type.keepsSlots() {
			return false
		}
		if s.ID == id {
			return true
		}
	}
	return !whole && len(states) > 0
}

// keepsSlots reports whether a run keeps its slots when it enters the type.
func (t StateType) keepsSlots() bool { return t == Running || t == Cancelling }
