package load

import "sync"

// Stock holds items that one operation creates and others work on, each item in a
// number of steps. It is safe for concurrent use.
type Stock[T any] struct {
	mu    sync.Mutex
	steps int
	items []stocked[T]
}

type stocked[T any] struct {
	item T
	step int
}

// NewStock returns an empty stock for items with this number of steps.
func NewStock[T any](steps int) *Stock[T] { return &Stock[T]{steps: steps} }

// Add adds a new item.
func (s *Stock[T]) Add(item T) { s.put(stocked[T]{item: item}) }

func (s *Stock[T]) put(one stocked[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, one)
}

// Take performs the next step of the oldest item; steps are numbered from 0. An
// item with remaining steps moves to the end. Take returns the error of the work,
// or ErrExhausted if there is no item.
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
