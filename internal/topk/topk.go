// Package topk selects the first rows of an order without sorting all of them.
package topk

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// Row is a value with the first key of its order. Rows are compared by Rank, and only
// rows with equal ranks by a function: most comparisons need no call.
type Row[T any] struct {
	Rank  uint64
	Value T
}

// Sortable maps integers to ranks in the same order.
func Sortable(n int64) uint64 { return uint64(n) ^ 1<<63 } //nolint:gosec // all bits are wanted

// Prefix returns the first eight bytes of a text as a rank. If two ranks differ, they
// compare like the texts.
func Prefix(text string) uint64 {
	if len(text) >= 8 {
		return binary.BigEndian.Uint64([]byte(text[:8]))
	}
	var b [8]byte
	copy(b[:], text)
	return binary.BigEndian.Uint64(b[:])
}

// sortLimit is the number of rows up to which MoveFirst sorts them all.
const sortLimit = 24

// MoveFirst moves the first n rows of the order to the front, unsorted (quickselect).
// equal compares rows with equal ranks. After too many uneven splits it sorts all
// rows, so that no input makes it slow.
func MoveFirst[T any](rows []Row[T], n int, equal func(a, b *Row[T]) int) {
	for tries := 2 * bits.Len(uint(len(rows))); n > 0 && n < len(rows); tries-- {
		switch {
		case len(rows) <= sortLimit:
			insertionSort(rows, equal)
			return
		case tries == 0:
			sortRows(rows, equal)
			return
		}
		if middle := split(rows, equal); n <= middle {
			rows = rows[:middle]
		} else {
			rows, n = rows[middle:], n-middle
		}
	}
}

func sortRows[T any](rows []Row[T], equal func(a, b *Row[T]) int) {
	slices.SortFunc(rows, func(a, b Row[T]) int {
		if a.Rank != b.Rank {
			return cmp.Compare(a.Rank, b.Rank)
		}
		x, y := a, b // only these copies escape to the heap
		return equal(&x, &y)
	})
}

// insertionSort sorts few rows in place.
func insertionSort[T any](rows []Row[T], equal func(a, b *Row[T]) int) {
	for i := 1; i < len(rows); i++ {
		for j := i; j > 0 && less(&rows[j], &rows[j-1], equal); j-- {
			rows[j], rows[j-1] = rows[j-1], rows[j]
		}
	}
}

func less[T any](a, b *Row[T], equal func(a, b *Row[T]) int) bool {
	return a.Rank < b.Rank || (a.Rank == b.Rank && equal(a, b) < 0)
}

// split moves rows so that each row before the returned index precedes or equals each
// row from it on. Neither part is empty.
func split[T any](rows []Row[T], equal func(a, b *Row[T]) int) int {
	pivot := median(rows, equal)
	i, j := -1, len(rows)
	for {
		for i++; less(&rows[i], &pivot, equal); {
			i++
		}
		for j--; less(&pivot, &rows[j], equal); {
			j--
		}
		if i >= j {
			return j + 1
		}
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// median returns the median of three rows. It is not the last of rows.
func median[T any](rows []Row[T], equal func(a, b *Row[T]) int) Row[T] {
	first, middle, last := &rows[0], &rows[len(rows)/2], &rows[len(rows)-1]
	if less(middle, first, equal) {
		*middle, *first = *first, *middle
	}
	if less(last, middle, equal) {
		*last, *middle = *middle, *last
		if less(middle, first, equal) {
			*middle, *first = *first, *middle
		}
	}
	return *middle
}
