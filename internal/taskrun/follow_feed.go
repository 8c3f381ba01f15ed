package taskrun

import (
	"context"
	"sync"
	"time"
)

// feed keeps the latest changes of all runs for those who follow them. The store
// tells it alone, and it only notes what it is told: readers take the changes in
// their own goroutines, at their own pace. It follows the store while it has
// readers.
type feed struct {
	clock Clock

	joining sync.Mutex // held while readers come and go
	readers int
	stop    func()

	mu      sync.Mutex
	ring    []feedEntry   // the entry at a position is at its remainder by maxBehind
	next    int           // position of the next entry
	changed chan struct{} // closed after the next entry
	come    chan struct{} // has a token when there are entries that readers are not told of
}

// feedEntry is a change in the feed.
type feedEntry struct {
	Change

	first    bool      // the run was not known before
	recorded time.Time // when the state was recorded at the earliest
}

// join counts a reader in. It returns the runs as they are now and the position of
// the changes that follow; changes that the runs show already may be among these.
func (f *feed) join(store Store, wants followed) (from int, now []*Run) {
	f.joining.Lock()
	defer f.joining.Unlock()
	f.readers++
	if f.readers == 1 {
		return 0, wants.pick(f.start(store))
	}
	from = f.position()
	if wants.runs != nil { // few, which need no walk
		for id := range wants.runs {
			if run := store.Known(id); run != nil {
				now = append(now, run)
			}
		}
		return from, now
	}
	now, stop := store.Follow(func(_, _ *Run) {})
	stop()
	return from, now
}

// pick leaves out runs that are not wanted.
func (f followed) pick(runs []*Run) []*Run {
	if f.runs == nil {
		return runs
	}
	var picked []*Run
	for _, run := range runs {
		if f.runs[run.ID] {
			picked = append(picked, run)
		}
	}
	return picked
}

// start follows the store.
func (f *feed) start(store Store) (now []*Run) {
	f.mu.Lock()
	f.ring, f.next, f.changed, f.come = nil, 0, make(chan struct{}), make(chan struct{}, 1)
	come := f.come
	f.mu.Unlock()
	now, unfollow := store.Follow(f.hear)
	ended := make(chan struct{})
	go f.tellReaders(come, ended)
	f.stop = func() {
		unfollow()
		close(ended)
	}
	return now
}

func (f *feed) leave() {
	f.joining.Lock()
	defer f.joining.Unlock()
	if f.readers--; f.readers > 0 {
		return
	}
	f.stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring = nil // what it holds may be large
}

// position is that of the next change.
func (f *feed) position() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// hear notes a change. It never blocks, and what it does does not grow with the
// number of readers: the store calls it under its lock.
func (f *feed) hear(before, after *Run) {
	entries := changesBetween(before, after, f.clock.Now().UTC().Truncate(time.Microsecond))
	if len(entries) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		if len(f.ring) < maxBehind {
			f.ring = append(f.ring, e)
		} else {
			f.ring[f.next%maxBehind] = e
		}
		f.next++
	}
	select {
	case f.come <- struct{}{}:
	default:
	}
}

// tellReaders wakes the readers, outside of the store's lock.
func (f *feed) tellReaders(come, ended <-chan struct{}) {
	for {
		select {
		case <-come:
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

// read returns a part of the entries from a position on, or what to wait for if
// there is none.
func (f *feed) read(at int) (entries []feedEntry, wait <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case at < f.next-len(f.ring):
		return nil, nil, ErrTooSlow
	case at == f.next:
		return nil, f.changed, nil
	}
	for ; at < f.next && len(entries) < entriesPerRead; at++ {
		entries = append(entries, f.ring[at%maxBehind])
	}
	return entries, nil, nil
}

// entriesPerRead bounds how long a reader keeps the lock of the feed.
const entriesPerRead = 100

// feedReader is one reader of a feed.
type feedReader struct {
	feed  *feed
	wants followed
	at    int // position of the next entry to read

	// known are the runs that were told first. What they show of the entries before
	// the position until is not told again.
	until int
	known map[string]*Run
}

// next waits for changes and returns some, without those that are not wanted.
func (r *feedReader) next(ctx context.Context) ([]Change, error) {
	for {
		entries, wait, err := r.feed.read(r.at)
		if err != nil {
			return nil, err
		}
		if wait == nil {
			if changes := r.take(entries); len(changes) > 0 {
				return changes, nil
			}
			wait = closedFeed
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// closedFeed is for a reader that goes on at once.
var closedFeed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (r *feedReader) take(entries []feedEntry) (changes []Change) {
	for i := range entries {
		e := &entries[i]
		told := false
		if r.at < r.until {
			run := r.known[e.Run.ID]
			told = run != nil && run.Has(e.State.ID)
		} else {
			r.known = nil
		}
		r.at++
		if !told && r.wants.wants(e) {
			changes = append(changes, e.Change)
		}
	}
	return changes
}
