package feed

import (
	"context"
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
	changed chan struct{}   // closed after the next entry
	ready   chan struct{}   // has a token when there are entries that readers were not woken for
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

// join counts a reader in, and returns the changes that come before those that it
// reads of the feed.
func (f *Feed) join(store taskrun.Store, wants selection) *backlog {
	f.joining.Lock()
	defer f.joining.Unlock()
	f.readers++
	if f.readers == 1 {
		f.start(store)
	}
	if wants.runs != nil { // few: the other runs are not read
		return f.backlogOf(store, &wants)
	}
	return f.sharedBacklog(store, wants.Since)
}

// start follows the store.
func (f *Feed) start(store taskrun.Store) {
	f.mu.Lock()
	f.ring, f.oldest, f.next, f.changed, f.ready = nil, 0, 0, make(chan struct{}), make(chan struct{}, 1)
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

func (f *Feed) leave() {
	f.joining.Lock()
	defer f.joining.Unlock()
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

// wakeReaders wakes the readers, outside of the store's lock.
func (f *Feed) wakeReaders(ready, ended <-chan struct{}) {
	for {
		select {
		case <-ready:
		case <-ended:
			return
		}
		f.mu.Lock()
		changed := f.changed
		f.changed = make(chan struct{})
		f.mu.Unlock()
		close(changed)
	}
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

// read returns a part of the entries from a position on, or what to wait for if
// there is none.
func (f *Feed) read(at int) (entries []*SharedChange, wait <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case at < f.oldest:
		return nil, nil, ErrTooSlow
	case at == f.next:
		return nil, f.changed, nil
	}
	for ; at < f.next && len(entries) < entriesPerRead; at++ {
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

// entriesPerRead bounds how long a reader keeps the lock of the feed, and how long
// it goes on after its context has ended.
const entriesPerRead = 100

// feedReader is one reader of a feed.
type feedReader struct {
	feed  *Feed
	wants selection
	past  *backlog // with changes: they are read first
	done  int      // how many of the past changes were read
	at    int      // position of the next entry to read
}

// next waits for changes and returns some, without those that are not wanted.
func (r *feedReader) next(ctx context.Context) ([]*SharedChange, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		changes, wait, err := r.some()
		if err != nil || len(changes) > 0 {
			return changes, err
		}
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
		}
	}
}

// some returns the next of the changes, none if none of them are wanted, or what to
// wait for if there are none.
func (r *feedReader) some() (changes []*SharedChange, wait <-chan struct{}, err error) {
	if r.done < len(r.past.changes) {
		if r.feed.lost(r.at) {
			return nil, nil, ErrTooSlow
		}
		return r.somePast(), nil, nil
	}
	entries, wait, err := r.feed.read(r.at)
	for _, c := range entries {
		if !r.past.contains(r.at, c) && r.wants.wants(c) {
			changes = append(changes, c)
		}
		r.at++
	}
	if r.at >= r.past.until {
		r.past = &backlog{} // what it holds may be large
		r.done = 0
	}
	return changes, wait, err
}

func (r *feedReader) somePast() (changes []*SharedChange) {
	for range min(pastPerRead, len(r.past.changes)-r.done) {
		c := &r.past.changes[r.done]
		r.done++
		if r.wants.wants(c) {
			changes = append(changes, c)
		}
	}
	return changes
}

// pastPerRead is entriesPerRead for the past, which needs no lock.
const pastPerRead = 1000
