package taskrun

import (
	"iter"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// PerState has a value for each type and name of states that was met. There are few as
// a rule, but clients choose the names, so there may be many.
type PerState[T any] struct {
	keys   []stateKey
	values []T              // of the keys
	places map[stateKey]int // in keys; nil while there are few
}

// stateKey is the type and the name of states.
type stateKey struct {
	kind orchestration.StateType
	name string
}

// few keys are found faster one by one than in a map.
const few = 16

// Of returns the value for a state, a zero one at first. The result is valid until the
// next call.
func (p *PerState[T]) Of(state *orchestration.State) *T {
	key := stateKey{state.Type, state.Name}
	if p.places == nil {
		for i := range p.keys {
			if p.keys[i] == key {
				return &p.values[i]
			}
		}
	} else if place, known := p.places[key]; known {
		return &p.values[place]
	}
	var zero T
	p.keys, p.values = append(p.keys, key), append(p.values, zero)
	p.index()
	return &p.values[len(p.values)-1]
}

// Len returns the number of values.
func (p *PerState[T]) Len() int { return len(p.values) }

// All yields the values, each with a state of its type and name.
func (p *PerState[T]) All() iter.Seq2[orchestration.State, *T] {
	return func(yield func(orchestration.State, *T) bool) {
		for i, key := range p.keys {
			if !yield(orchestration.State{Type: key.kind, Name: key.name}, &p.values[i]) {
				return
			}
		}
	}
}

// index puts the last key, or once there are many all of them, into places.
func (p *PerState[T]) index() {
	switch last := len(p.keys) - 1; {
	case p.places != nil:
		p.places[p.keys[last]] = last
	case last >= few:
		p.places = make(map[stateKey]int, 2*len(p.keys))
		for i, key := range p.keys {
			p.places[key] = i
		}
	}
}
