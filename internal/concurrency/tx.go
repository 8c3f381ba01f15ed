package concurrency

import (
	"math"
	"slices"
	"time"
)

// tx is a transaction: the next version of a limit, before its write.
type tx struct {
	*Limit
	now           time.Time
	runs          Runs
	expiredIDs    map[string]bool // ids of orphaned leases that have expired
	useChanged    bool            // slots or holders changed
	recordChanged bool            // Recorded changed
	timesShifted  bool            // the times of the leases differ from the stored times
}

// newTx returns a transaction on a limit. It converts the times of the slot leases
// from the clock of the last writer to the clock of this replica.
func (s *Service) newTx(l *Limit) *tx {
	t := &tx{Limit: l.clone(), now: s.now(), runs: s.Runs, expiredIDs: map[string]bool{}}
	if skew := l.skew(); skew != 0 && len(l.Leases) > 0 {
		t.shift(skew)
		t.timesShifted = true
	}
	return t
}

// mustWrite reports whether the transaction changed the limit.
func (t *tx) mustWrite() bool { return t.useChanged || t.recordChanged }

// record sets the conditions of the limit: stalled is the reason why the limit does
// not apply, empty if it applies.
func (t *tx) record(stalled string) {
	next := Recorded{Generation: t.Revision.Generation, Stalled: stalled, Since: t.Recorded.Since}
	if next.Since.IsZero() || (stalled == "") != (t.Recorded.Stalled == "") {
		next.Since = t.now
	}
	if next != t.Recorded {
		t.Recorded, t.recordChanged = next, true
	}
}

// resolveObjects sets the objects of the holders that are known task runs.
func (t *tx) resolveObjects() {
	for i := range t.Leases {
		h := &t.Leases[i]
		if h.Kind != KindTaskRun || h.ObjectUID != "" {
			continue
		}
		if run := t.runs.Known(h.Holder); run != nil {
			h.ObjectName, h.ObjectUID = run.Ref.Name, run.Ref.UID
		}
	}
}

// preview returns a transaction for reads. Orphaned leases do not count. A request
// that acquires slots uses beginTx instead, which confirms them.
func (s *Service) preview(l *Limit) *tx {
	t := s.newTx(l)
	for i := range t.Leases {
		if h := &t.Leases[i]; t.validityOf(h) == orphaned {
			t.expiredIDs[h.ID] = true
		}
	}
	return t
}

// validityOf returns the validity of a slot lease in this transaction.
func (t *tx) validityOf(h *SlotLease) validity {
	if t.expiredIDs[h.ID] {
		return expired
	}
	return h.validity(t.now, t.runs.Known(h.Holder))
}

// prune removes the expired leases. This alone does not cause a write.
func (t *tx) prune() (dropped int) {
	before := len(t.Leases)
	t.Leases = slices.DeleteFunc(t.Leases, func(h SlotLease) bool { return t.validityOf(&h) == expired })
	return before - len(t.Leases)
}

// used returns the number of slots in use. The claims of one run use one slot.
func (t *tx) used() float64 {
	used := t.anonymousSlots(t.now)
	claimed := map[string]bool{}
	for i := range t.Leases {
		h := &t.Leases[i]
		switch {
		case t.validityOf(h) == expired:
		case h.isClaim():
			claimed[h.Holder] = true
		case t.Decay == 0: // otherwise AnonymousSlots includes these slots, and they decay
			used += float64(h.Slots)
		}
	}
	return used + float64(len(claimed))
}

// shown returns the number of used slots for the status, rounded up.
func (t *tx) shown() int { return int(math.Ceil(t.used())) }

// canBePartial reports whether a lease over several limits is old enough to be on all
// of them.
func (t *tx) canBePartial(h *SlotLease) bool {
	return len(h.Names) > 1 && t.now.Sub(h.Since) >= partialAfter
}

// hasRun reports whether a run has a claim on this limit. Its next claim uses the same
// slot.
func (t *tx) hasRun(runID string) bool {
	return slices.ContainsFunc(t.Leases, func(h SlotLease) bool {
		return h.isClaim() && h.Holder == runID && t.validityOf(&h) != expired
	})
}

// fits reports whether this number of further slots is free.
func (t *tx) fits(slots int) bool {
	return t.used()+float64(slots) <= float64(t.Slots) && len(t.Leases) < MaxLeases
}

// add adds a slot lease. It replaces the lease with the same id.
func (t *tx) add(h SlotLease) {
	t.useChanged = true
	if i := t.find(h.ID); i >= 0 {
		h.Since = t.Leases[i].Since
		t.Leases[i] = h
		return
	}
	if t.Decay > 0 && !h.isClaim() {
		t.addAnonymous(h.Slots, t.now)
	}
	t.Leases = append(t.Leases, h)
}

// release removes the slot lease with this id, if it exists.
func (t *tx) release(id string) {
	t.Leases = slices.DeleteFunc(t.Leases, func(h SlotLease) bool {
		if h.ID != id {
			return false
		}
		t.useChanged = true
		if t.Decay > 0 && !h.isClaim() {
			t.addAnonymous(-h.Slots, t.now)
		}
		return true
	})
}

func (t *tx) find(id string) int {
	return slices.IndexFunc(t.Leases, func(h SlotLease) bool { return h.ID == id })
}
