package index

import (
	"context"
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// snapshot has all rows as they were at one time. It never changes, so it is read
// without a lock.
type snapshot struct {
	blocks              []*block
	size                int  // number of runs
	nonUUID             bool // some ids are not UUIDs, see orderID
	states, tags, flows int  // greater than every code of these dictionaries
}

// count returns the number of runs that match.
func (s *snapshot) count(ctx context.Context, f taskrun.Filter) (int, error) {
	if f == (taskrun.Filter{}) {
		return s.size, nil
	}
	total := 0
	err := s.scan(ctx, f, false, func(_ int, _ *block, offsets []uint8) { total += len(offsets) })
	return total, err
}

// each calls visit for each run that matches.
func (s *snapshot) each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	return s.scan(ctx, f, false, func(_ int, b *block, offsets []uint8) {
		b.prefetch(offsets)
		for _, at := range offsets {
			visit(b.runs[at])
		}
	})
}

// all returns all runs.
func (s *snapshot) all() iter.Seq[*taskrun.Run] {
	return func(yield func(*taskrun.Run) bool) {
		for i, b := range s.blocks {
			for _, run := range b.runs[:min(blockSize, s.size-i*blockSize)] {
				if !yield(run) {
					return
				}
			}
		}
	}
}

// changedSince returns the runs that changed at or after a time.
func (s *snapshot) changedSince(since time.Time) (changed []*taskrun.Run) {
	low := since.UnixMicro()
	for i, b := range s.blocks {
		for at := range min(blockSize, s.size-i*blockSize) {
			if b.changed[at] >= low {
				changed = append(changed, b.runs[at])
			}
		}
	}
	return changed
}

// page returns the page of a query.
func (s *snapshot) page(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	top := newTopK(s, q)
	defer top.done()
	if top.k == 0 {
		total, err := s.total(ctx, q)
		return taskrun.Page{Runs: []*taskrun.Run{}, Total: total}, err
	}
	total := 0
	err := s.scan(ctx, q.Filter, top.descending, func(number int, b *block, offsets []uint8) {
		total += len(offsets)
		top.add(number, b, offsets)
	})
	if err != nil {
		return taskrun.Page{}, err
	}
	page := taskrun.Page{Runs: top.runs(q.Offset)}
	if q.Counted {
		page.Total = total
	}
	return page, nil
}

func (s *snapshot) total(ctx context.Context, q taskrun.Query) (int, error) {
	if !q.Counted {
		return 0, nil
	}
	return s.count(ctx, q.Filter)
}

// prefetch reads a word of each run that will be visited. The runs are far apart in
// memory: the reads of this loop overlap, those between visits would not.
func (b *block) prefetch(offsets []uint8) {
	stateless := 0
	for _, at := range offsets {
		if b.runs[at].State == nil {
			stateless++
		}
	}
	types := 0
	for _, at := range offsets {
		if state := b.runs[at].State; state != nil {
			types += len(state.Type)
		}
	}
	use(stateless + types)
}

// use keeps the compiler from removing what computes its argument.
//
//go:noinline
func use(int) {}

// blocksPerCheck is the number of blocks that a scan visits between two checks of its
// context.
const blocksPerCheck = 8

// scan visits the blocks that have rows that match, with the offsets of these rows. It
// begins with the newest rows if backwards. It ends with the context.
func (s *snapshot) scan(ctx context.Context, f taskrun.Filter, backwards bool, visit func(number int, b *block, offsets []uint8)) error {
	filter := s.compile(f)
	var buffer [blockSize]uint8
	for i := range s.blocks {
		if i%blocksPerCheck == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if backwards {
			i = len(s.blocks) - 1 - i
		}
		b := s.blocks[i]
		offsets := buffer[:min(blockSize, s.size-i*blockSize)]
		for at := range offsets {
			offsets[at] = uint8(at)
		}
		if offsets = filter.narrow(b, offsets); len(offsets) > 0 {
			visit(i, b, offsets)
		}
	}
	return nil
}

// row returns the block and the offset of a row.
func (s *snapshot) row(row int) (*block, int) { return s.blocks[row/blockSize], row % blockSize }

// name returns the name of the run of a row.
func (s *snapshot) name(row int) string { return s.blocks[row/blockSize].names[row%blockSize] }
