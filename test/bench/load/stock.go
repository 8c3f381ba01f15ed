package load

import "sync"

// Stock holds what operations make and others work on, each item in so many
// steps. It is safe for use by many clients at once.
type Stock[T any] struct {
	mu    sync.Mutex
	steps int
	items []stocked[T]
}

type stocked[T any] struct {
	item T
	step int
}

// NewStock makes an empty one for items with so many steps.
func NewStock[T any](steps int) *Stock[T] { return &Stock[T]{steps: steps} }

// Add puts in a new item.
func (s *Stock[T]) Add(item T) { s.put(stocked[T]{item: item}) }

func (s *Stock[T]) put(one stocked[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, one)
}

// Take hands out the oldest item for its next step, which begins at 0; an item with
// steps left goes back to the end. The error is that of the work, or ErrExhausted
// when there is no item.
func (s *Stock[T]) Take(work func(item T, step int) error) error {
	s.mu.Lock()
	if len(s.items) == 0 {
		s.mu.Unlock()
		return ErrExhausted
	}
	one := s.items[0]
	s.items = s.items[1:]
	s.mu.Unlock()
	if err := work(one.item, one.step); err != nil {
		return err
	}
	if one.step++; one.step < s.steps {
		s.put(one)
	}
	return nil
}
