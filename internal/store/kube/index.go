package kube

import (
	"iter"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// index finds objects by something that is meant to be unique but that nothing
// keeps two objects made by hand from sharing.
type index[K comparable] struct {
	one  map[K]*entry
	more map[K][]*entry // beside the one; no key is here without it
}

func newIndex[K comparable]() index[K] {
	return index[K]{one: map[K]*entry{}, more: map[K][]*entry{}}
}

func (x index[K]) add(key K, e *entry) {
	if x.one[key] == nil {
		x.one[key] = e
		return
	}
	x.more[key] = append(x.more[key], e)
}

func (x index[K]) remove(key K, e *entry) {
	rest := x.more[key]
	switch {
	case x.one[key] != e:
		rest = slices.DeleteFunc(rest, func(other *entry) bool { return other == e })
	case len(rest) == 0:
		delete(x.one, key)
		return
	default:
		x.one[key], rest = rest[0], rest[1:]
	}
	if len(rest) == 0 {
		delete(x.more, key)
		return
	}
	x.more[key] = rest
}

// all visits the entries of a key.
func (x index[K]) all(key K) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		one := x.one[key]
		if one == nil || !yield(one) {
			return
		}
		for _, e := range x.more[key] {
			if !yield(e) {
				return
			}
		}
	}
}

// first returns the entry of a key that precedes all others of it, nil when there is
// none. The key must be the entries' id.
func (x index[K]) first(key K) *entry {
	first := x.one[key]
	if first == nil || len(x.more) == 0 {
		return first
	}
	for _, e := range x.more[key] {
		if e.precedes(first) {
			first = e
		}
	}
	return first
}

// size is the number of keys.
func (x index[K]) size() int { return len(x.one) }

// remembered is how many of the latest deletions are remembered at least. When
// so many others came after one, nothing about its object is on its way any
// more: a call takes seconds, and the watch is not that far behind; if it is,
// it goes on to tell of the deletion itself.
const remembered = 4096

// graves are the uids of objects that are gone. A uid never comes back, so they
// could be kept for ever; they are kept in two generations to bound the memory.
type graves struct{ recent, earlier map[types.UID]struct{} }

func newGraves() graves { return graves{recent: map[types.UID]struct{}{}} }

func (g *graves) has(uid types.UID) bool {
	_, recent := g.recent[uid]
	_, earlier := g.earlier[uid]
	return recent || earlier
}

func (g *graves) add(uid types.UID) {
	if g.has(uid) {
		return
	}
	if len(g.recent) >= remembered {
		g.recent, g.earlier = map[types.UID]struct{}{}, g.recent
	}
	g.recent[uid] = struct{}{}
}
