package bytebudget

import (
	"container/heap"
	"sync"
)

// DefaultBytes is the default limit of a Budget.
const DefaultBytes = 24 << 20

// Budget limits the memory of the buffers of all namespaces together, in bytes:
// recent changes, events and log lines. When they exceed the limit, the largest
// buffer drops its oldest entries until all of them fit. Budget is safe for
// concurrent use. A buffer must not use the budget while it holds a lock that drop
// needs.
type Budget struct {
	limit int64

	mu     sync.Mutex
	total  int64
	shares shareHeap
}

// New returns a budget of that many bytes.
func New(limit int64) *Budget { return &Budget{limit: limit} }

// Share is the part of a budget that one buffer uses.
type Share struct {
	budget *Budget
	drop   func() int64

	bytes int64
	index int // in the heap, from 1; 0: not in the heap
	left  bool
}

// Join adds a buffer. drop removes its oldest entry and returns the bytes of that
// entry, 0 if there is none. It is called under the lock of the budget.
func (b *Budget) Join(drop func() int64) *Share {
	return &Share{budget: b, drop: drop}
}

// Bytes returns the bytes of all buffers.
func (b *Budget) Bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// Add adds n bytes, which may be negative. If the limit is exceeded, entries of this
// buffer or of others are dropped before Add returns.
func (s *Share) Add(n int64) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.left {
		return
	}
	s.change(n)
	for b.total > b.limit && len(b.shares) > 0 {
		largest := b.shares[0]
		freed := largest.drop()
		if freed <= 0 { // the bytes were added before the entry could be dropped
			return
		}
		largest.change(-freed)
	}
}

// Leave removes the buffer and its bytes.
func (s *Share) Leave() {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	if !s.left {
		s.change(-s.bytes)
		s.left = true
	}
}

// change changes the bytes of a share. Only shares with bytes are in the heap.
func (s *Share) change(n int64) {
	b := s.budget
	s.bytes += n
	b.total += n
	switch {
	case s.index > 0 && s.bytes > 0:
		heap.Fix(&b.shares, s.index-1)
	case s.index > 0:
		heap.Remove(&b.shares, s.index-1)
	case s.bytes > 0:
		heap.Push(&b.shares, s)
	}
}

// shareHeap has the share with the most bytes first.
type shareHeap []*Share

func (h shareHeap) Len() int           { return len(h) }
func (h shareHeap) Less(i, j int) bool { return h[i].bytes > h[j].bytes }

func (h shareHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

// Push is for container/heap.
func (h *shareHeap) Push(x any) {
	s := x.(*Share) //nolint:errcheck,forcetypeassert // the heap has no other values
	*h = append(*h, s)
	s.index = len(*h)
}

// Pop is for container/heap.
func (h *shareHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	s.index = 0
	return s
}
