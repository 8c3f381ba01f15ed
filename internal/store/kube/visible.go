package kube

import "github.com/taskrun-dev/taskrun-operator/internal/taskrun"

// visible are the runs that queries see, side by side and in no order, so that
// all of them can be copied at once.
type visible struct {
	runs    []*taskrun.Run
	entries []*entry // those of runs, in the same places
}

// nowhere is the place of an entry that is not visible.
const nowhere = -1

func (v *visible) show(e *entry) {
	if e.place != nowhere {
		return
	}
	e.place = len(v.runs)
	v.runs = append(v.runs, e.run)
	v.entries = append(v.entries, e)
}

// hide fills the gap with the last one.
func (v *visible) hide(e *entry) {
	if e.place == nowhere {
		return
	}
	last := len(v.runs) - 1
	v.runs[e.place], v.entries[e.place] = v.runs[last], v.entries[last]
	v.entries[e.place].place = e.place
	v.runs[last], v.entries[last] = nil, nil
	v.runs, v.entries = v.runs[:last], v.entries[:last]
	e.place = nowhere
}
