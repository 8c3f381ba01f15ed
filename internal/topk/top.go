package topk

import "slices"

// Top keeps the first rows, in an order, of all rows that are added. It needs memory for
// about twice the rows that it keeps.
type Top[T any] struct {
	k     int
	order func(a, b T) int

	kept  []Row[T]
	full  bool   // k rows were kept once
	worst Row[T] // full: rows after it are not needed
}

// slack is the minimum number of rows beyond those needed that are kept before prune.
const slack = 1024

// NewTop returns a Top that keeps k rows. order compares rows with equal ranks, and it
// must not contradict the ranks.
func NewTop[T any](k int, order func(a, b T) int) *Top[T] {
	return &Top[T]{k: max(k, 0), order: order}
}

// Grow allocates the memory for a number of rows that will be added.
func (t *Top[T]) Grow(rows int) {
	if t.k > 0 {
		t.kept = slices.Grow(t.kept, min(rows, max(2*t.k, t.k+slack)))
	}
}

// Needed returns the number of rows that a page needs to be kept, out of all rows. A
// negative offset or limit is 0.
func Needed(offset, limit, all int) int {
	offset, limit = max(offset, 0), max(limit, 0)
	switch {
	case limit == 0 || offset >= all:
		return 0
	case limit > all-offset:
		return all
	default:
		return offset + limit
	}
}

// Add adds a row. A row with a lower rank precedes one with a higher rank.
func (t *Top[T]) Add(rank uint64, value T) {
	if t.k == 0 || t.full && (rank > t.worst.Rank || rank == t.worst.Rank && t.order(value, t.worst.Value) > 0) {
		return
	}
	t.kept = append(t.kept, Row[T]{Rank: rank, Value: value})
	if len(t.kept)-t.k >= t.k && len(t.kept)-t.k >= slack {
		t.prune()
	}
}

// prune removes the rows that are not needed.
func (t *Top[T]) prune() {
	MoveFirst(t.kept, t.k, t.equal)
	clear(t.kept[t.k:])
	t.kept = t.kept[:t.k]
	t.worst = slices.MaxFunc(t.kept, func(a, b Row[T]) int {
		if less(&a, &b, t.equal) {
			return -1
		}
		return 1
	})
	t.full = true
}

func (t *Top[T]) equal(a, b *Row[T]) int { return t.order(a.Value, b.Value) }

// Sorted returns the kept rows after the first ones, in order. The result is never nil.
func (t *Top[T]) Sorted(first int) []T {
	rows := t.kept
	first = min(max(first, 0), t.k, len(rows))
	MoveFirst(rows, first, t.equal)
	rows = rows[first:]
	n := min(t.k-first, len(rows))
	MoveFirst(rows, n, t.equal)
	values := make([]T, n)
	for i, row := range rows[:n] {
		values[i] = row.Value
	}
	slices.SortFunc(values, t.order)
	return values
}
