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
	Limit int64 // how many slots there are
	// Taken counts the slots that are taken, the run's own among them. It can be
	// more than Limit, which may have been lowered.
	Taken int64
	// Held tells that one of the taken slots is the run's own. It keeps that
	// one when it starts again, and needs no other (Prefect takes a second one,
	// contract §7.16).
	Held bool
}

// full reports whether the run finds no slot.
func (l TagLimit) full() bool { return !l.Held && l.Taken >= l.Limit }

// slotWait is when to ask again for a slot. Prefect tells the time that slots are
// held on average, up to ten seconds (contract §3.4), and lets a slot that is free
// lie about for so long; here a wait is never longer than the shortest one there is.
const slotWait = time.Second

func evaluateSlots(f Facts) Verdict {
	limits := f.TagLimits
	if len(limits) == 0 {
		return pass()
	}
	// Prefect counts on after a limit of 0, and a full one can make its ABORT a
	// WAIT (contract §7.17). A wait would have no end: here the ABORT stands.
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
