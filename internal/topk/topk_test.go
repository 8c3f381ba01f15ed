package topk_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/topk"
)

type row = topk.Row[int]

func byValue(a, b *row) int { return cmp.Compare(a.Value, b.Value) }

func compareRows(a, b row) int {
	return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Value, b.Value))
}

func TestMoveFirst_separatesFirstElementsInEachInputOrder(t *testing.T) {
	t.Parallel()
	const rows = 1000
	for name, rank := range map[string]func(i int) uint64{
		"rising":                   func(i int) uint64 { return uint64(i) },
		"falling":                  func(i int) uint64 { return uint64(rows - i) },
		"all equal":                func(int) uint64 { return 7 },
		"ascending and descending": func(i int) uint64 { return uint64(min(i, rows-i)) },
		"few distinct values":      func(i int) uint64 { return uint64(i % 3) },
		"mixed":                    func(i int) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := make([]row, rows)
			for i := range all {
				all[i] = row{Rank: rank(i), Value: i * 7919 % rows}
			}
			sorted := slices.SortedFunc(slices.Values(all), compareRows)
			for _, n := range []int{-1, 0, 1, 23, 500, rows - 1, rows, rows + 1} {
				got := slices.Clone(all)
				topk.MoveFirst(got, n, byValue)
				end := min(max(n, 0), rows)
				slices.SortFunc(got[:end], compareRows)
				slices.SortFunc(got[end:], compareRows)
				if !slices.Equal(sorted, got) {
					t.Errorf("the first %d rows are not those of the sorted list", n)
				}
			}
		})
	}
}

// An input designed against the choice of pivots does not take quadratic time.
func TestMoveFirst_boundsComparisons(t *testing.T) {
	t.Parallel()
	const rows = 10_000
	// The adversary of McIlroy ("A Killer Adversary for Quicksort") determines the values during the
	// comparisons.
	const unknown = rows
	values := slices.Repeat([]int{unknown}, rows)
	decided, candidate, comparisons := 0, 0, 0
	decide := func(i int) { values[i], decided = decided, decided+1 }
	compare := func(x, y *row) int {
		a, b := x.Value, y.Value
		comparisons++
		if values[a] == unknown && values[b] == unknown {
			if a == candidate {
				decide(a)
			} else {
				decide(b)
			}
		}
		switch unknown {
		case values[a]:
			candidate = a
		case values[b]:
			candidate = b
		}
		return cmp.Compare(values[a], values[b])
	}
	all := make([]row, rows)
	for i := range all {
		all[i].Value = i
	}
	topk.MoveFirst(all, rows/2, compare)
	if most := 100 * rows; comparisons > most {
		t.Errorf("%d comparisons of %d rows, want at most %d", comparisons, rows, most)
	}
}

func TestPrefix_comparesAsTexts(t *testing.T) {
	t.Parallel()
	texts := []string{"", "a", "ab", "abcdefgh", "abcdefghi", "b", "é", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"}
	for i, a := range texts {
		for _, b := range texts[i+1:] {
			if topk.Prefix(a) > topk.Prefix(b) {
				t.Errorf("the rank of %q is after that of %q", a, b)
			}
		}
	}
}

func TestSortable_comparesAsIntegers(t *testing.T) {
	t.Parallel()
	integers := []int64{math.MinInt64, -2, -1, 0, 1, 2, math.MaxInt64}
	for i, a := range integers[:len(integers)-1] {
		if b := integers[i+1]; topk.Sortable(a) >= topk.Sortable(b) {
			t.Errorf("the rank of %d is not before that of %d", a, b)
		}
	}
}
