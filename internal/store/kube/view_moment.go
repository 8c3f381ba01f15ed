package kube

import (
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// moment is what all rows were at one time. It never changes, so it is read
// without a lock, for as long as it takes.
type moment struct {
	blocks              []*block
	size                int  // how many runs there are
	odd                 bool // some ids are no UUIDs in the usual spelling
	states, tags, flows int  // above all numbers of these classes
}

// count returns how many runs match.
func (m *moment) count(f taskrun.Filter) int {
	if f == (taskrun.Filter{}) {
		return m.size
	}
	total := 0
	m.scan(f, false, func(_ int, _ *block, places []uint8) { total += len(places) })
	return total
}

// each visits the runs that match.
func (m *moment) each(f taskrun.Filter, visit func(*taskrun.Run)) {
	m.scan(f, false, func(_ int, b *block, places []uint8) {
		b.touch(places)
		for _, at := range places {
			visit(b.runs[at])
		}
	})
}

// all returns all runs.
func (m *moment) all() iter.Seq[*taskrun.Run] {
	return func(yield func(*taskrun.Run) bool) {
		for i, b := range m.blocks {
			for _, run := range b.runs[:min(perBlock, m.size-i*perBlock)] {
				if !yield(run) {
					return
				}
			}
		}
	}
}

// changedSince returns the runs that changed since a time.
func (m *moment) changedSince(since time.Time) (changed []*taskrun.Run) {
	low := since.UnixMicro()
	for i, b := range m.blocks {
		for at := range min(perBlock, m.size-i*perBlock) {
			if b.changed[at] >= low {
				changed = append(changed, b.runs[at])
			}
		}
	}
	return changed
}

// page answers a query.
func (m *moment) page(q taskrun.Query) taskrun.Page {
	chosen := newChoice(m, q)
	defer chosen.done()
	if chosen.most == 0 {
		return taskrun.Page{Runs: []*taskrun.Run{}, Total: m.total(q)}
	}
	total := 0
	m.scan(q.Filter, chosen.falling, func(number int, b *block, places []uint8) {
		total += len(places)
		chosen.add(number, b, places)
	})
	page := taskrun.Page{Runs: chosen.runs(q.Offset)}
	if q.Counted {
		page.Total = total
	}
	return page
}

func (m *moment) total(q taskrun.Query) int {
	if !q.Counted {
		return 0
	}
	return m.count(q.Filter)
}

// touch looks at all runs that will be visited. Their memory is far apart;
// looked at in a row, it is fetched at once and not one after the other.
func (b *block) touch(places []uint8) {
	stateless := 0
	for _, at := range places {
		if b.runs[at].State == nil {
			stateless++
		}
	}
	types := 0
	for _, at := range places {
		if state := b.runs[at].State; state != nil {
			types += len(state.Type)
		}
	}
	b.touched(stateless + types)
}

//go:noinline
func (b *block) touched(int) {}

// scan visits the blocks with the places of those rows that match: the newest
// rows first if backwards.
func (m *moment) scan(f taskrun.Filter, backwards bool, visit func(number int, b *block, places []uint8)) {
	filter := m.filter(f)
	var room [perBlock]uint8
	for i := range m.blocks {
		if backwards {
			i = len(m.blocks) - 1 - i
		}
		b := m.blocks[i]
		places := room[:min(perBlock, m.size-i*perBlock)]
		for at := range places {
			places[at] = uint8(at)
		}
		if places = filter.narrow(b, places); len(places) > 0 {
			visit(i, b, places)
		}
	}
}

// row finds a place.
func (m *moment) row(place int) (*block, int) { return m.blocks[place/perBlock], place % perBlock }

// name is the name of the run at a place.
func (m *moment) name(place int) string { return m.blocks[place/perBlock].names[place%perBlock] }
