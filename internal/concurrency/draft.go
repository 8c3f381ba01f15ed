package concurrency

import (
	"math"
	"slices"
	"time"
)

// draft is the next version of a limit while it is being edited.
type draft struct {
	*Limit
	now     time.Time
	runs    Runs
	gone    map[string]bool // doubtful holdings that are over
	changed bool            // slots or their holders are others
	noted   bool            // what is recorded about the limit itself is another
	shifted bool            // the times of the holdings are not those stored
}

// newDraft begins a draft of a limit. The times of the holdings, which are stored by
// the clock of the last writer, become those of this replica's clock.
func (s *Service) newDraft(l *Limit) *draft {
	d := &draft{Limit: l.clone(), now: s.now(), runs: s.Runs, gone: map[string]bool{}}
	if skew := l.skew(); skew != 0 && len(l.Holdings) > 0 {
		d.shift(skew)
		d.shifted = true
	}
	return d
}

// mustBeStored reports whether the draft differs from what is stored.
func (d *draft) mustBeStored() bool { return d.changed || d.noted }

// record sets what the status says about the limit itself.
func (d *draft) record(stalled string) {
	next := Recorded{Generation: d.Revision.Generation, Stalled: stalled, Since: d.Recorded.Since}
	if next.Since.IsZero() || (stalled == "") != (d.Recorded.Stalled == "") {
		next.Since = d.now
	}
	if next != d.Recorded {
		d.Recorded, d.noted = next, true
	}
}

// resolveObjects sets the objects of the holders that are task runs, as far as they
// are known.
func (d *draft) resolveObjects() {
	for i := range d.Holdings {
		h := &d.Holdings[i]
		if h.Kind != KindTaskRun || h.ObjectUID != "" {
			continue
		}
		if run := d.runs.Known(h.Holder); run != nil {
			h.ObjectName, h.ObjectUID = run.Ref.Name, run.Ref.UID
		}
	}
}

// glance is a draft for looking only: holdings that are doubtful do not count.
// A request that takes slots settles them first.
func (s *Service) glance(l *Limit) *draft {
	d := s.newDraft(l)
	for i := range d.Holdings {
		if h := &d.Holdings[i]; d.stands(h) == doubtful {
			d.gone[h.ID] = true
		}
	}
	return d
}

// stands tells what a holding is worth.
func (d *draft) stands(h *Holding) standing {
	if d.gone[h.ID] {
		return over
	}
	return h.stand(d.now, d.runs.Known(h.Holder))
}

// prune drops the holdings that are over. That alone is no reason to write.
func (d *draft) prune() (dropped int) {
	before := len(d.Holdings)
	d.Holdings = slices.DeleteFunc(d.Holdings, func(h Holding) bool { return d.stands(&h) == over })
	return before - len(d.Holdings)
}

// taken is how many slots are taken. The claims of one run are one slot.
func (d *draft) taken() float64 {
	taken := d.loose(d.now)
	claimants := map[string]bool{}
	for i := range d.Holdings {
		h := &d.Holdings[i]
		switch {
		case d.stands(h) == over:
		case h.isClaim():
			claimants[h.Holder] = true
		case d.Decay == 0: // else the slots are among the loose ones, and decay
			taken += float64(h.Slots)
		}
	}
	return taken + float64(len(claimants))
}

// shown is what people see of taken.
func (d *draft) shown() int { return int(math.Ceil(d.taken())) }

// canBeTorn reports whether a lease should be on several limits by now.
func (d *draft) canBeTorn(h *Holding) bool {
	return len(h.Names) > 1 && d.now.Sub(h.Since) >= tearTime
}

// hasRun reports whether a run has a claim here, whose slot it can use again.
func (d *draft) hasRun(runID string) bool {
	return slices.ContainsFunc(d.Holdings, func(h Holding) bool {
		return h.isClaim() && h.Holder == runID && d.stands(&h) != over
	})
}

// fits reports whether n more slots can be taken.
func (d *draft) fits(slots int) bool {
	return d.taken()+float64(slots) <= float64(d.Slots) && len(d.Holdings) < MaxHoldings
}

// hold adds a holding, in the place of the one of the same id if there is one.
func (d *draft) hold(h Holding) {
	d.changed = true
	if i := d.find(h.ID); i >= 0 {
		h.Since = d.Holdings[i].Since
		d.Holdings[i] = h
		return
	}
	if d.Decay > 0 && !h.isClaim() {
		d.addLoose(h.Slots, d.now)
	}
	d.Holdings = append(d.Holdings, h)
}

// release drops the holding of this id, if there is one.
func (d *draft) release(id string) {
	d.Holdings = slices.DeleteFunc(d.Holdings, func(h Holding) bool {
		if h.ID != id {
			return false
		}
		d.changed = true
		if d.Decay > 0 && !h.isClaim() {
			d.addLoose(-h.Slots, d.now)
		}
		return true
	})
}

func (d *draft) find(id string) int {
	return slices.IndexFunc(d.Holdings, func(h Holding) bool { return h.ID == id })
}
