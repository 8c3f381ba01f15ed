package feed

import (
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
)

// Feed keeps the latest changes of all runs of a kind in a namespace for its readers. The store notifies the
// feed. Readers then read the changes in their own goroutines, at their own pace, so
// the call of the store is short. A feed follows the store while it has readers.
type Feed[R Run] struct {
	clock  clock.PassiveClock
	budget *bytebudget.Budget

	joining sync.Mutex // held while readers are added or removed
	readers int
	stop    func()
	share   *bytebudget.Share // set while it follows the store

	mu      sync.Mutex
	ring    []*SharedChange[R] // the index of an entry is its position modulo maxBehind
	oldest  int                // position of the oldest entry
	next    int                // position of the next entry
	backlog *backlog[R]        // nil: none is kept
	ready   chan struct{}      // has a token when there are entries without a wake-up
	waiting waiting[R]
}

// New returns a feed whose memory counts towards the budget.
func New[R Run](clock clock.PassiveClock, budget *bytebudget.Budget) *Feed[R] {
	return &Feed[R]{clock: clock, budget: budget}
}

// retained is an entry or a backlog that a feed keeps. The lock of the feed guards it.
type retained[R Run] struct {
	feed    *Feed[R]
	bytes   int64
	dropped bool
}

// grow adds bytes to the size of a retained value.
func (r *retained[R]) grow(n int64) {
	r.feed.mu.Lock()
	dropped := r.dropped
	if !dropped {
		r.bytes += n
	}
	r.feed.mu.Unlock()
	if !dropped {
		r.feed.share.Add(n)
	}
}

// drop returns the number of bytes that are no longer kept.
func (r *retained[R]) drop() int64 {
	r.dropped = true
	return r.bytes
}

// join adds a reader with its backlog.
func (f *Feed[R]) join(store Source[R], wants selection) *feedReader[R] {
	f.joining.Lock()
	defer f.joining.Unlock()
	f.readers++
	if f.readers == 1 {
		f.start(store)
	}
	r := newFeedReader(f, wants)
	f.mu.Lock()
	f.waiting.add(r)
	f.mu.Unlock()
	if wants.runs != nil { // the reader selects a few runs: the others are not read
		r.past = f.backlogOf(store, &wants)
	} else {
		r.past = f.sharedBacklog(store, wants.Since)
	}
	r.at = r.past.from
	return r
}

// start follows the store.
func (f *Feed[R]) start(store Source[R]) {
	f.mu.Lock()
	f.ring, f.oldest, f.next, f.ready, f.waiting = nil, 0, 0, make(chan struct{}, 1), newWaiting[R]()
	ready := f.ready
	f.mu.Unlock()
	f.share = f.budget.Join(f.dropOldest)
	_, unfollow := store.Follow(f.notify)
	ended := make(chan struct{})
	go f.wakeReaders(ready, ended)
	f.stop = func() {
		unfollow()
		close(ended)
	}
}

func (f *Feed[R]) leave(r *feedReader[R]) {
	f.joining.Lock()
	defer f.joining.Unlock()
	f.mu.Lock()
	f.waiting.remove(r)
	f.mu.Unlock()
	if f.readers--; f.readers > 0 {
		return
	}
	f.stop()
	f.share.Leave()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring, f.backlog, f.oldest = nil, nil, f.next // they can hold much memory
}

// position returns the position of the next change.
func (f *Feed[R]) position() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// usableBacklog returns the backlog if it has all changes that a reader needs.
func (f *Feed[R]) usableBacklog(since time.Time) *backlog[R] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.backlog; b != nil && !since.Before(b.since) {
		return b
	}
	return nil
}

// keepBacklog replaces the backlog for the next readers.
func (f *Feed[R]) keepBacklog(b *backlog[R]) {
	f.mu.Lock()
	grown := b.retained.bytes - f.dropBacklog()
	f.backlog = b
	f.mu.Unlock()
	f.share.Add(grown)
}

// dropBacklog returns the number of bytes that are no longer kept.
func (f *Feed[R]) dropBacklog() (freed int64) {
	if f.backlog == nil {
		return 0
	}
	freed = f.backlog.retained.drop()
	f.backlog = nil
	return freed
}

// notify adds a change. It does not block, and its cost does not depend on the number
// of readers, because the store calls it under its lock.
func (f *Feed[R]) notify(before, after R) {
	changes := changesBetween(before, after, f.clock.Now().UTC().Truncate(time.Microsecond))
	if len(changes) == 0 {
		return
	}
	bytes := after.ApproximateBytes()
	f.mu.Lock()
	var grown int64
	for _, c := range changes {
		c.retained = &retained[R]{feed: f, bytes: changeBytes + bytes}
		f.waiting.note(c.Run.RunID(), f.next)
		grown += c.retained.bytes + f.append(c)
		bytes = 0 // the other changes share the run
	}
	select {
	case f.ready <- struct{}{}:
	default:
	}
	f.mu.Unlock()
	f.share.Add(grown)
}

// append adds an entry, and drops the oldest one if there are too many. It returns the
// change of the retained bytes without those of the entry.
func (f *Feed[R]) append(c *SharedChange[R]) (grown int64) {
	if f.next-f.oldest == maxBehind {
		grown = -f.dropEntry()
	}
	if len(f.ring) < maxBehind && f.next%maxBehind == len(f.ring) {
		f.ring = append(f.ring, c)
	} else {
		f.ring[f.next%maxBehind] = c
	}
	f.next++
	return grown
}

// dropOldest drops the oldest entry, or the backlog if there is no entry. It returns
// the dropped bytes.
func (f *Feed[R]) dropOldest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.oldest < f.next {
		return f.dropEntry()
	}
	return f.dropBacklog()
}

// dropEntry drops the oldest entry and the backlog before it. Readers of that backlog
// are then too slow.
func (f *Feed[R]) dropEntry() (freed int64) {
	at := f.oldest % maxBehind
	freed = f.ring[at].retained.drop()
	f.ring[at] = nil
	f.oldest++
	if f.backlog != nil && f.backlog.from < f.oldest {
		freed += f.dropBacklog()
	}
	return freed
}

// changedBetween returns the ids of the runs of the entries between two positions.
func (f *Feed[R]) changedBetween(from, until int) map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids map[string]bool
	for at := max(from, f.oldest); at < until; at++ {
		if ids == nil {
			ids = map[string]bool{}
		}
		ids[f.ring[at%maxBehind].Run.RunID()] = true
	}
	return ids
}

// read returns some entries from the position of a reader on. If there is none, it
// returns a channel to wait for.
func (f *Feed[R]) read(r *feedReader[R]) (entries []*SharedChange[R], wait <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !r.skipUnwanted():
		return nil, r.wake, nil
	case r.at < f.oldest:
		return nil, nil, ErrTooSlow
	case r.at == f.next:
		return nil, f.waiting.wakeOf(r), nil
	}
	for at := r.at; at < f.next && len(entries) < entriesPerRead; at++ {
		entries = append(entries, f.ring[at%maxBehind])
	}
	return entries, nil, nil
}

// lost reports whether entries that a reader at a position has not read were dropped.
func (f *Feed[R]) lost(at int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return at < f.oldest
}
