package kube

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// index finds objects by something that is meant to be unique but that nothing
// keeps two objects made by hand from sharing.
type index[K comparable] map[K][]*entry

func (x index[K]) add(key K, e *entry) { x[key] = append(x[key], e) }

func (x index[K]) remove(key K, e *entry) {
	rest := slices.DeleteFunc(x[key], func(other *entry) bool { return other == e })
	if len(rest) == 0 {
		delete(x, key)
		return
	}
	x[key] = rest
}

// first returns the oldest entry of a key, nil when there is none.
func (x index[K]) first(key K) *entry {
	var oldest *entry
	for _, e := range x[key] {
		if oldest == nil || e.before(oldest) {
			oldest = e
		}
	}
	return oldest
}

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
