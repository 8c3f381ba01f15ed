package index

import (
	"iter"
	"slices"
)

// lookup finds entries by a key that should be unique. Objects that users create can
// share one.
type lookup[K comparable] struct {
	one  map[K]*entry
	more map[K][]*entry // besides the one; each key of more is also in one
}

func newLookup[K comparable]() lookup[K] {
	return lookup[K]{one: map[K]*entry{}, more: map[K][]*entry{}}
}

func (l lookup[K]) add(key K, e *entry) {
	if l.one[key] == nil {
		l.one[key] = e
		return
	}
	l.more[key] = append(l.more[key], e)
}

func (l lookup[K]) remove(key K, e *entry) {
	rest := l.more[key]
	switch {
	case l.one[key] != e:
		rest = slices.DeleteFunc(rest, func(other *entry) bool { return other == e })
	case len(rest) == 0:
		delete(l.one, key)
		return
	default:
		l.one[key], rest = rest[0], rest[1:]
	}
	if len(rest) == 0 {
		delete(l.more, key)
		return
	}
	l.more[key] = rest
}

// all returns the entries of a key.
func (l lookup[K]) all(key K) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		one := l.one[key]
		if one == nil || !yield(one) {
			return
		}
		for _, e := range l.more[key] {
			if !yield(e) {
				return
			}
		}
	}
}

// first returns the first entry of a key in order of precedence, nil if there is
// none. It is for the lookup by id.
func (l lookup[K]) first(key K) *entry {
	first := l.one[key]
	if first == nil || len(l.more) == 0 {
		return first
	}
	for _, e := range l.more[key] {
		if e.precedes(first) {
			first = e
		}
	}
	return first
}

// size returns the number of keys.
func (l lookup[K]) size() int { return len(l.one) }
