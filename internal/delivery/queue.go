// Package delivery hands background runs to workers.
//
// The queue is the set of runs that wait (taskrun.Run.Waiting), wherever they
// are stored: every replica knows all of them by following the store, and keeps
// here only the order in which they are due, retries first. A run is leased to a
// worker by a compare-and-swap before it is sent, so it does not matter how many
// replicas try at once. When a worker is gone for good, what it held goes to
// another one (contract §1.6, §7.1 to §7.6).
package delivery

import (
	"container/heap"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Leases are the use cases that delivery rests on; *taskrun.Service has them.
type Leases interface {
	Lease(ctx context.Context, id string, to taskrun.Hold) (*taskrun.Run, error)
	Release(ctx context.Context, id, holder string) error
	MoveHold(ctx context.Context, id string, to taskrun.Hold) error
	Abandon(ctx context.Context, id string, from taskrun.Hold, maxAttempts int) (*usecase.Loss, error)
}

var _ Leases = (*usecase.Service)(nil)

// Runs are where runs are stored; every taskrun.Store will do.
type Runs interface {
	Follow(change func(before, after *taskrun.Run)) (now iter.Seq[*taskrun.Run], stop func())
	Known(id string) *taskrun.Run
}

// Queue knows the runs that wait, by task key and in the order in which they are
// delivered, and those that workers hold.
type Queue struct {
	runs  Runs
	clock taskrun.Clock

	mu     sync.Mutex
	early  []change                         // what came while the queue was being filled; nil once it is
	lines  map[string]*line                 // by task key
	coming lineHeap                         // the lines with runs that are not due
	places map[string]*place                // by run id
	idle   map[string][]*Consumer           // who waits for a task key, longest first
	held   map[taskrun.Hold]map[string]bool // ids of runs by who holds them
	alarm  alarm
}

type change struct{ before, after *taskrun.Run }

// NewQueue returns a Queue over these runs. It knows nothing until it is opened.
func NewQueue(runs Runs, clock taskrun.Clock) *Queue {
	return &Queue{
		runs: runs, clock: clock,
		early: []change{}, lines: map[string]*line{}, places: map[string]*place{},
		idle: map[string][]*Consumer{}, held: map[taskrun.Hold]map[string]bool{},
	}
}

// Open fills the queue and follows the runs until stop is called.
func (q *Queue) Open() (stop func()) {
	now, unfollow := q.runs.Follow(q.take)
	q.mu.Lock()
	defer q.mu.Unlock()
	for run := range now {
		q.note(nil, run)
	}
	for _, c := range q.early {
		q.note(c.before, c.after)
	}
	q.early = nil
	return func() {
		unfollow()
		q.mu.Lock()
		defer q.mu.Unlock()
		q.alarm.stop()
	}
}

// take hears of a change. It neither blocks nor asks for anything.
func (q *Queue) take(before, after *taskrun.Run) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.early != nil {
		q.early = append(q.early, change{before, after})
		return
	}
	q.note(before, after)
}

func (q *Queue) note(before, after *taskrun.Run) {
	if before != nil {
		q.forget(before)
	}
	if after == nil {
		return
	}
	if hold := after.Hold(); hold != (taskrun.Hold{}) && !after.Finished() {
		if q.held[hold] == nil {
			q.held[hold] = map[string]bool{}
		}
		q.held[hold][after.ID] = true
	}
	if after.Waiting() {
		q.add(after)
	}
}

func (q *Queue) forget(run *taskrun.Run) {
	q.remove(run.ID)
	if hold := run.Hold(); hold != (taskrun.Hold{}) {
		delete(q.held[hold], run.ID)
		if len(q.held[hold]) == 0 {
			delete(q.held, hold)
		}
	}
}

// isRetry reports whether a waiting run goes before those that were submitted:
// it awaits its retry, or was delivered in its current state and came back
// (contract §1.6).
func isRetry(run *taskrun.Run) bool {
	return run.State.Name == orchestration.NameAwaitingRetry ||
		run.Delivery != nil && !run.State.Timestamp.After(run.Delivery.Since)
}

// add puts a run in its place and wakes a consumer for it, now or when it is due.
func (q *Queue) add(run *taskrun.Run) {
	p := &place{id: run.ID, key: run.TaskKey, retry: isRetry(run), due: run.Due(), created: run.Created}
	l := q.lines[p.key]
	if l == nil {
		l = &line{key: p.key}
		q.lines[p.key] = l
	}
	q.in(l, func() { l.add(p) })
	q.places[p.id] = p
	if p.due.After(q.clock.Now()) {
		q.alarm.set(p.due, q.clock.Now(), q.ring)
		return
	}
	q.wake(p.key)
}

func (q *Queue) remove(id string) {
	p := q.places[id]
	if p == nil {
		return
	}
	delete(q.places, id)
	l := q.lines[p.key]
	q.in(l, func() { l.remove(p) })
	if l.Len() == 0 {
		delete(q.lines, p.key)
	}
}

// ring wakes a consumer for each run that has become due, and sets the alarm anew.
func (q *Queue) ring() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	q.alarm.rang()
	for q.coming.Len() > 0 {
		l := q.coming[0]
		if next, _ := l.coming(); next.After(now) {
			q.alarm.set(next, now, q.ring)
			return
		}
		due := 0
		q.in(l, func() { due = l.due(now, len(q.idle[l.key])) })
		for range due {
			q.wake(l.key)
		}
	}
}

// in lets a line be changed or looked at, which is out of the lines to come
// meanwhile.
func (q *Queue) in(l *line, change func()) {
	if l.index > 0 {
		heap.Remove(&q.coming, l.index-1)
	}
	change()
	if _, ok := l.coming(); ok {
		heap.Push(&q.coming, l)
	}
}

// wake tells the one who waits longest for this task key to look.
func (q *Queue) wake(key string) {
	if len(q.idle[key]) == 0 {
		return
	}
	c := q.idle[key][0]
	q.unlist(c)
	close(c.woken)
}

// unlist takes a consumer out of the idle ones.
func (q *Queue) unlist(c *Consumer) {
	c.idle = false
	for _, key := range c.keys {
		q.idle[key] = slices.DeleteFunc(q.idle[key], func(other *Consumer) bool { return other == c })
		if len(q.idle[key]) == 0 {
			delete(q.idle, key)
		}
	}
}

// claim takes the place of a due run out of the lines for a consumer, who then
// tries to lease the run; "" when there is none, and the consumer is idle.
func (q *Queue) claim(c *Consumer) (id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(c.again) > 0 { // it came since the consumer looked
		c.woken = closedChannel
		return ""
	}
	now := q.clock.Now()
	for i := range c.keys {
		key := c.keys[(c.turn+i)%len(c.keys)]
		l := q.lines[key]
		if l == nil {
			continue
		}
		var first *place
		q.in(l, func() { first = l.first(now) })
		if first == nil {
			continue
		}
		c.turn = (c.turn + i + 1) % len(c.keys) // the next key has the next turn
		q.remove(first.id)
		return first.id
	}
	c.idle, c.woken = true, make(chan struct{})
	for _, key := range c.keys {
		q.idle[key] = append(q.idle[key], c)
	}
	return ""
}

// leave takes a consumer out of the idle ones. If it was woken for a run that it
// will not take, another one is.
func (q *Queue) leave(c *Consumer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.idle {
		q.unlist(c)
		return
	}
	for _, key := range c.keys {
		q.wake(key)
	}
}

// restore gives a claimed run its place back, if it still waits.
func (q *Queue) restore(id string) {
	run := q.runs.Known(id)
	q.mu.Lock()
	defer q.mu.Unlock()
	if run != nil && run.Waiting() && q.places[id] == nil {
		q.add(run)
	}
}

// Depth is how much waits for a worker, by task key.
func (q *Queue) Depth() map[string]Depth {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	depths := make(map[string]Depth, len(q.lines))
	for key, l := range q.lines {
		q.in(l, func() { depths[key] = Depth{Due: l.due(now, l.Len()), Waiting: l.Len(), Oldest: l.earliest()} })
	}
	return depths
}

// Depth is how much waits for one task key.
type Depth struct {
	Due     int       // runs whose time has come
	Waiting int       // all runs, those for later too
	Oldest  time.Time // when the first of them is due
}

// holders are all who hold runs, with the runs' ids.
func (q *Queue) holders() map[string][]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	holders := make(map[string][]string, len(q.held))
	for hold, ids := range q.held {
		holders[hold.Worker] = slices.AppendSeq(holders[hold.Worker], maps.Keys(ids))
	}
	return holders
}

// holds returns the ids of the held runs by their holds.
func (q *Queue) holds() map[taskrun.Hold][]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	holds := make(map[taskrun.Hold][]string, len(q.held))
	for hold, ids := range q.held {
		holds[hold] = slices.Collect(maps.Keys(ids))
	}
	return holds
}
