package usecase

import "github.com/taskrun-dev/taskrun-operator/internal/orchestration"

// perState holds a value for each type and name of states. There are usually
// few, but clients choose the names, so there can be many.
type perState[T any] struct {
	keys   []stateKey
	values []T              // by the index of the keys
	places map[stateKey]int // indexes in keys; nil while there are few
}

type stateKey struct {
	kind orchestration.StateType
	name string
}

// A search of this number of keys is faster than a map.
const few = 16

// of returns the value for a state, initially a zero value. The pointer is
// valid until the next call.
func (p *perState[T]) of(state *orchestration.State) *T {
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

// index adds the last key to places, or all keys once there are many.
func (p *perState[T]) index() {
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
