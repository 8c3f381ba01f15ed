package authn

import (
	"context"
	"slices"
	"sync"
)

// turns limits how many reviews run at a time. Reviews that wait are served in turn by sender, so that a sender of many
// does not hold up a sender of few, and no sender takes the last quarter of the places. If too many wait, the newest one
// of the sender with the most is rejected.
type turns struct {
	most, mostEach, mostWaiting int

	mu      sync.Mutex
	running int
	waiting int
	senders map[string]*sender
	order   []string // senders of reviews that wait, the next one first
}

// sender is where reviews come from.
type sender struct {
	running int
	waiting []*turn // oldest first
}

// turn is a review that waits.
type turn struct{ granted chan bool } // false: too many wait

func newTurns(most, mostWaiting int) *turns {
	return &turns{most: most, mostEach: max(1, most-most/4), mostWaiting: mostWaiting, senders: map[string]*sender{}}
}

// take waits for a turn of the sender until ctx ends. done ends the turn.
func (t *turns) take(ctx context.Context, name string) (done func(), err error) {
	mine := t.enqueue(name)
	select {
	case granted := <-mine.granted:
		if !granted {
			return nil, errTooMany
		}
		return func() { t.end(name) }, nil
	case <-ctx.Done():
		t.leave(name, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) enqueue(name string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.senders[name]
	if s == nil {
		s = &sender{}
		t.senders[name] = s
	}
	mine := &turn{granted: make(chan bool, 1)}
	s.waiting = append(s.waiting, mine)
	t.waiting++
	if len(s.waiting) == 1 {
		t.order = append(t.order, name)
	}
	t.grant()
	if t.waiting > t.mostWaiting {
		t.rejectOne()
	}
	return mine
}

// grant lets reviews run as long as there are places for them.
func (t *turns) grant() {
	for t.running < t.most {
		i := slices.IndexFunc(t.order, func(name string) bool { return t.senders[name].running < t.mostEach })
		if i < 0 {
			return
		}
		name := t.order[i]
		s := t.senders[name]
		next := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.running++
		t.running++
		t.waiting--
		t.order = slices.Delete(t.order, i, i+1)
		if len(s.waiting) > 0 {
			t.order = append(t.order, name)
		}
		next.granted <- true
	}
}

// rejectOne rejects the newest review of the sender with the most that wait.
func (t *turns) rejectOne() {
	name := slices.MaxFunc(t.order, func(a, b string) int { return len(t.senders[a].waiting) - len(t.senders[b].waiting) })
	waiting := t.senders[name].waiting
	newest := waiting[len(waiting)-1]
	t.drop(name, newest)
	newest.granted <- false
}

// leave takes a review out that has not run, or ends its turn if it was granted since.
func (t *turns) leave(name string, mine *turn) {
	select {
	case granted := <-mine.granted:
		if granted {
			t.end(name)
		}
		return
	default:
	}
	t.mu.Lock()
	left := t.drop(name, mine)
	t.mu.Unlock()
	if !left && <-mine.granted {
		t.end(name)
	}
}

// drop removes a review that waits. It returns false if it does not wait any more.
func (t *turns) drop(name string, mine *turn) bool {
	s := t.senders[name]
	if s == nil {
		return false
	}
	i := slices.Index(s.waiting, mine)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	t.waiting--
	if len(s.waiting) == 0 {
		t.order = slices.DeleteFunc(t.order, func(other string) bool { return other == name })
	}
	t.forget(name)
	return true
}

func (t *turns) end(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	t.senders[name].running--
	t.forget(name)
	t.grant()
}

// forget removes a sender of nothing.
func (t *turns) forget(name string) {
	if s := t.senders[name]; s.running == 0 && len(s.waiting) == 0 {
		delete(t.senders, name)
	}
}

// size is the number of reviews that run or wait.
func (t *turns) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running + t.waiting
}
