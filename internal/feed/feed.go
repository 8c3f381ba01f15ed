package feed

import (
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Feed keeps the latest changes of all runs for the readers that follow them. The
// store notifies it, and nothing more happens in the store's call: readers take the
// changes in their own goroutines, at their own pace. A feed follows the store while
// it has readers.
type Feed struct {
	clock  clock.PassiveClock
	budget *bytebudget.Budget

	joining sync.Mutex // held while readers come and go
	readers int
	stop    func()
	share   *bytebudget.Share // set while it follows the store

	mu      sync.Mutex
	ring    []*SharedChange // the entry at a position is at its remainder by maxBehind
	oldest  int             // position of the oldest entry
	next    int             // position of the next entry
	backlog *backlog        // nil: none is kept
	ready   chan struct{}   // has a token when there are entries that readers were not woken for
	waiting waiting
}

// New returns a feed whose entries count towards the budget.
func New(clock clock.PassiveClock, budget *bytebudget.Budget) *Feed {
	return &Feed{clock: clock, budget: budget}
}

// retained is what a feed keeps: an entry or a backlog. The lock of the feed guards it.
type retained struct {
	feed    *Feed
	bytes   int64
	dropped bool
}

// grow counts bytes that were added to what is kept.
func (r *retained) grow(n int64) {
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

// drop returns how many bytes are not kept any more.
func (r *retained) drop() int64 {
	r.dropped = true
	return r.bytes
}

// join adds a reader, with the changes that come before those that it reads of the
// feed.
func (f *Feed) join(store taskrun.Store, wants selection) *feedReader {
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
	if wants.runs != nil { // few: the other runs are not read
		r.past = f.backlogOf(store, &wants)
	} else {
		r.past = f.sharedBacklog(store, wants.Since)
	}
	r.at = r.past.from
	return r
}

// start follows the store.
func (f *Feed) start(store taskrun.Store) {
	f.mu.Lock()
	f.ring, f.oldest, f.next, f.ready, f.waiting = nil, 0, 0, make(chan struct{}, 1), newWaiting()
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

func (f *Feed) leave(r *feedReader) {
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
	f.ring, f.backlog, f.oldest = nil, nil, f.next // what they hold may be large
}

// position is that of the next change.
func (f *Feed) position() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// usableBacklog returns the backlog that is kept, if it is good for a reader.
func (f *Feed) usableBacklog(since time.Time) *backlog {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.backlog; b != nil && !since.Before(b.since) {
		return b
	}
	return nil
}

// keepBacklog keeps a backlog for the next readers, in place of the one before it.
func (f *Feed) keepBacklog(b *backlog) {
	f.mu.Lock()
	grown := b.retained.bytes - f.dropBacklog()
	f.backlog = b
	f.mu.Unlock()
	f.share.Add(grown)
}

// dropBacklog returns how many bytes are not kept any more.
func (f *Feed) dropBacklog() (freed int64) {
	if f.backlog == nil {
		return 0
	}
	freed = f.backlog.retained.drop()
	f.backlog = nil
	return freed
}

// notify adds a change. It never blocks, and its cost does not grow with the number of
// readers: the store calls it under its lock.
func (f *Feed) notify(before, after *taskrun.Run) {
	changes := changesBetween(before, after, f.clock.Now().UTC().Truncate(time.Microsecond))
	if len(changes) == 0 {
		return
	}
	bytes := after.ApproximateBytes()
	f.mu.Lock()
	var grown int64
	for _, c := range changes {
		c.retained = &retained{feed: f, bytes: changeBytes + bytes}
		f.waiting.note(c.Run.ID, f.next)
		grown += c.retained.bytes + f.append(c)
		bytes = 0 // the others share the run
	}
	select {
	case f.ready <- struct{}{}:
	default:
	}
	f.mu.Unlock()
	f.share.Add(grown)
}

// append adds an entry in the place of the oldest one, if there are too many. It
// returns by how much what is kept has grown beside the entry.
func (f *Feed) append(c *SharedChange) (grown int64) {
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

// dropOldest drops the oldest entry or, where there is none, the backlog, and
// returns its bytes.
func (f *Feed) dropOldest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.oldest < f.next {
		return f.dropEntry()
	}
	return f.dropBacklog()
}

// dropEntry drops the oldest entry, and the backlog that it comes after: readers of
// that are too slow from now on.
func (f *Feed) dropEntry() (freed int64) {
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
func (f *Feed) changedBetween(from, until int) map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids map[string]bool
	for at := max(from, f.oldest); at < until; at++ {
		if ids == nil {
			ids = map[string]bool{}
		}
		ids[f.ring[at%maxBehind].Run.ID] = true
	}
	return ids
}

// read returns a part of the entries from the position of a reader on, or what to
// wait for if there is none.
func (f *Feed) read(r *feedReader) (entries []*SharedChange, wait <-chan struct{}, err error) {
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

// lost reports whether a reader that goes on at a position is too slow.
func (f *Feed) lost(at int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return at < f.oldest
}
