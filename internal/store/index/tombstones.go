package index

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// minTombstones is the minimum number of recent tombstones that are kept. Nothing
// about an object arrives that many deletions after its own: a call takes seconds,
// and the watch is not that far behind. If it is, it delivers the deletion later, too.
const minTombstones = 4096

// Tombstones are the UIDs of deleted objects. A UID is never used again, so all could
// be kept. Two generations limit the memory.
type Tombstones struct{ recent, earlier map[types.UID]struct{} }

// NewTombstones returns an empty set.
func NewTombstones() Tombstones { return Tombstones{recent: map[types.UID]struct{}{}} }

// Has reports whether an object is known to be deleted.
func (t *Tombstones) Has(uid types.UID) bool {
	_, recent := t.recent[uid]
	_, earlier := t.earlier[uid]
	return recent || earlier
}

// Add adds a deleted object.
func (t *Tombstones) Add(uid types.UID) {
	if t.Has(uid) {
		return
	}
	if len(t.recent) >= minTombstones {
		t.recent, t.earlier = map[types.UID]struct{}{}, t.recent
	}
	t.recent[uid] = struct{}{}
}

const (
	// deletionRetention is the minimum time for which the time of a deletion is kept.
	deletionRetention = time.Hour
	// maxRecentDeletions is the number of deletions after which older ones are
	// dropped before that time.
	maxRecentDeletions = 1 << 15
)

// recentDeletions are the times at which runs were deleted, by id. Two generations
// limit the memory.
type recentDeletions struct {
	recent, earlier map[string]time.Time
	since           time.Time // start of the recent generation
}

func (d *recentDeletions) add(id string, now time.Time) {
	if d.recent == nil || len(d.recent) >= maxRecentDeletions || now.Sub(d.since) > deletionRetention {
		d.recent, d.earlier, d.since = map[string]time.Time{}, d.recent, now
	}
	d.recent[id] = now
}

func (d *recentDeletions) at(id string) (time.Time, bool) {
	if at, ok := d.recent[id]; ok {
		return at, true
	}
	at, ok := d.earlier[id]
	return at, ok
}
