package orchestration

import (
	"slices"
	"strings"
	"time"
)

// secureTaskConcurrencySlots lets a run start only with a slot of every limit on
// its tags: all of them or none (contract §3.4). It takes no slot itself, but
// says whose are to be taken before the state is written: see Decision.Slots.
var secureTaskConcurrencySlots = Rule[Facts]{
	Name:     "SecureTaskConcurrencySlots",
	From:     anyTypeOrNone,
	To:       []StateType{Running},
	Evaluate: evaluateSlots,
}

// TagLimit holds the facts of an active limit on one of the run's tags.
type TagLimit struct {
	Tag   string
	Limit int64 // number of slots
	// Taken is the number of claimed slots, the run's own included. It can be more
	// than Limit, because Limit can be lowered.
	Taken int64
	// Held reports whether the run holds one of the claimed slots. The run keeps
	// this slot when it starts again and needs no other. (Prefect claims a second
	// one, contract §7.16.)
	Held bool
}

// full reports whether the limit has no slot for the run.
func (l TagLimit) full() bool { return !l.Held && l.Taken >= l.Limit }

// slotWait is the delay until the next attempt to get a slot. Prefect returns the
// average time that slots are held, up to ten seconds (contract §3.4), so a free
// slot can remain unused for that long. Here the delay is always Prefect's minimum.
const slotWait = time.Second

func evaluateSlots(f Facts) Verdict {
	limits := f.TagLimits
	if len(limits) == 0 {
		return pass()
	}
	// Prefect examines the other limits after a limit of 0, and a full one can turn
	// the ABORT into a WAIT (contract §7.17). Such a wait would never end. Here the
	// ABORT has precedence.
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
		v := wait(slotWait, "Concurrency limit reached for tags: "+strings.Join(all, ", "))
		v.AwaitsSlots = true
		return v
	}
	return Verdict{Slots: needed}
}

// HoldsSlots reports whether a run has stayed in RUNNING since it entered the state
// with this id: the state was written, and only RUNNING and CANCELLING states follow
// it. states are the run's states, oldest first, including the current one. whole is
// true if no state is missing. If older states are missing and all remaining ones
// are RUNNING or CANCELLING, the result is true: it is better to keep a slot too
// long than to exceed a limit.
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

// keepsSlots reports whether a run keeps its slots when it enters a state of this
// type.
func (t StateType) keepsSlots() bool { return t == Running || t == Cancelling }
