package feed

import "context"

// entriesPerRead limits how long a reader holds the lock of the feed, and how long
// it continues after its context has ended.
const entriesPerRead = 100

// feedReader is one reader of a feed.
type feedReader[R Run] struct {
	feed  *Feed[R]
	wants selection
	past  *backlog[R] // with changes to read first
	done  int         // number of past changes read
	ended bool        // next has returned the end of the past changes
	at    int         // position of the next entry to read

	// Set for a reader that selects some runs. It is woken only for changes of
	// these runs. The lock of the feed guards due and asleep.
	wake   chan struct{} // has a token when the reader has to read
	due    span          // entries that it was woken for
	asleep bool          // it has read everything before at, and waits
}

func newFeedReader[R Run](f *Feed[R], wants selection) *feedReader[R] {
	r := &feedReader[R]{feed: f, wants: wants, due: nothing}
	if wants.runs != nil && len(wants.runs) <= maxWokenRuns {
		r.wake = make(chan struct{}, 1)
	}
	return r
}

// skipUnwanted advances a reader that was asleep to the entries that it was woken
// for. It skips the entries before them, which the reader does not select. awake is
// false if there are none.
func (r *feedReader[R]) skipUnwanted() (awake bool) {
	due := r.due
	r.due = nothing
	switch {
	case !r.asleep:
		return true // the reader reads to the end anyway
	case due.last < r.at:
		return false // these are read already
	}
	r.asleep = false
	r.at = max(r.at, due.first)
	return true
}

// next waits for changes and returns some of those that the reader selects. Once, after
// the past changes, it returns none.
func (r *feedReader[R]) next(ctx context.Context) ([]*SharedChange[R], error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !r.ended && r.done >= len(r.past.changes) {
			r.ended = true
			return nil, nil
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

// some returns the next changes that the reader selects. The result is empty if the
// reader selects none of them. If there are no changes, it returns a channel to
// wait for.
func (r *feedReader[R]) some() (changes []*SharedChange[R], wait <-chan struct{}, err error) {
	if r.done < len(r.past.changes) {
		if r.feed.lost(r.at) {
			return nil, nil, ErrTooSlow
		}
		return r.somePast(), nil, nil
	}
	entries, wait, err := r.feed.read(r)
	for _, c := range entries {
		if !r.past.contains(r.at, c) && wants(&r.wants, c) {
			changes = append(changes, c)
		}
		r.at++
	}
	if r.at >= r.past.until {
		r.past = &backlog[R]{} // it can hold much memory
		r.done = 0
	}
	return changes, wait, err
}

func (r *feedReader[R]) somePast() (changes []*SharedChange[R]) {
	for range min(pastPerRead, len(r.past.changes)-r.done) {
		c := &r.past.changes[r.done]
		r.done++
		if wants(&r.wants, c) {
			changes = append(changes, c)
		}
	}
	return changes
}

// pastPerRead is entriesPerRead for the backlog, which needs no lock.
const pastPerRead = 1000
