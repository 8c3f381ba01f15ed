package kube

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// index finds objects by something that is meant to be unique but that nothing
// keeps two objects made by hand from sharing.
type index[K comparable] map[K][]types.UID

func (x index[K]) add(key K, uid types.UID) {
	x[key] = append(slices.Clip(x[key]), uid)
}

func (x index[K]) remove(key K, uid types.UID) {
	rest := slices.DeleteFunc(slices.Clone(x[key]), func(u types.UID) bool { return u == uid })
	if len(rest) == 0 {
		delete(x, key)
		return
	}
	x[key] = rest
}

// maxTombstones bounds how many deletions are remembered that the watch has not
// confirmed. After that many later ones, no event of the first is on its way.
const maxTombstones = 4096

// tombstones are the objects this replica deleted a moment ago.
type tombstones struct {
	uids  map[types.UID]bool
	order []types.UID // oldest first; may hold forgotten ones
}

func newTombstones() tombstones { return tombstones{uids: map[types.UID]bool{}} }

func (t *tombstones) has(uid types.UID) bool { return t.uids[uid] }

func (t *tombstones) forget(uid types.UID) { delete(t.uids, uid) }

func (t *tombstones) add(uid types.UID) {
	t.uids[uid] = true
	t.order = append(t.order, uid)
	if len(t.order) > maxTombstones {
		delete(t.uids, t.order[0])
		t.order = slices.Clone(t.order[1:])
	}
}
