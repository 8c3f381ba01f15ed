package kube

import (
	"context"
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
func (m *moment) count(ctx context.Context, f taskrun.Filter) (int, error) {
	if f == (taskrun.Filter{}) {
		return m.size, nil
	}
	total := 0
	err := m.scan(ctx, f, false, func(_ int, _ *block, places []uint8) { total += len(places) })
	return total, err
}

// each visits the runs that match.
func (m *moment) each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	return m.scan(ctx, f, false, func(_ int, b *block, places []uint8) {
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
func (m *moment) page(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	chosen := newChoice(m, q)
	defer chosen.done()
	if chosen.most == 0 {
		total, err := m.total(ctx, q)
		return taskrun.Page{Runs: []*taskrun.Run{}, Total: total}, err
	}
	total := 0
	err := m.scan(ctx, q.Filter, chosen.falling, func(number int, b *block, places []uint8) {
		total += len(places)
		chosen.add(number, b, places)
	})
	if err != nil {
		return taskrun.Page{}, err
	}
	page := taskrun.Page{Runs: chosen.runs(q.Offset)}
	if q.Counted {
		page.Total = total
	}
	return page, nil
}

func (m *moment) total(ctx context.Context, q taskrun.Query) (int, error) {
	if !q.Counted {
		return 0, nil
	}
	return m.count(ctx, q.Filter)
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

// blocksPerLook is how many blocks a scan visits between two looks at its context.
const blocksPerLook = 8

// scan visits the blocks with the places of those rows that match: the newest
// rows first if backwards. It ends with the context.
func (m *moment) scan(ctx context.Context, f taskrun.Filter, backwards bool, visit func(number int, b *block, places []uint8)) error {
	filter := m.filter(f)
	var room [perBlock]uint8
	for i := range m.blocks {
		if i%blocksPerLook == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
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
	return nil
}

// row finds a place.
func (m *moment) row(place int) (*block, int) { return m.blocks[place/perBlock], place % perBlock }

// name is the name of the run at a place.
func (m *moment) name(place int) string { return m.blocks[place/perBlock].names[place%perBlock] }
