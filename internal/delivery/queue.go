// Package delivery delivers background runs to workers.
//
// The queue is the set of waiting runs (taskrun.Run.Waiting) in the store. Every
// replica follows the store and keeps only the order in which the runs are due,
// retries first. A run is leased to a worker by a compare-and-swap before it is
// sent, so several replicas can try to deliver it at once. The runs of a lost
// worker are delivered to another worker (contract §1.6, §7.1 to §7.6).
package delivery

import (
	"container/heap"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Leases are the use cases that delivery needs. *usecase.Service implements it.
type Leases interface {
	Lease(ctx context.Context, id string, to taskrun.Hold) (*taskrun.Run, error)
	Release(ctx context.Context, id, holder string) error
	RecordLeaseNamespace(ctx context.Context, id string, to taskrun.Hold) error
	Abandon(ctx context.Context, id string, from taskrun.Hold, maxAttempts int) (*usecase.Loss, error)
}

var _ Leases = (*usecase.Service)(nil)

// Runs is the store of runs. Every taskrun.Store implements it.
type Runs interface {
	Follow(change func(before, after *taskrun.Run)) (now iter.Seq[*taskrun.Run], stop func())
	Known(id string) *taskrun.Run
}

// Queue orders the waiting runs of each task key for delivery, and lists the runs
// that workers hold.
type Queue struct {
	runs  Runs
	clock clock.PassiveClock

	mu        sync.Mutex
	backlog   []change                         // changes during Open; nil after it
	queues    map[string]*taskQueue            // by task key
	scheduled taskQueueHeap                    // task queues with runs that are not due
	items     map[string]*item                 // by run id
	idle      map[string][]*Consumer           // consumers that wait for a task key, longest first
	consumers map[string][]*Consumer           // consumers of a task key that have called Next
	held      map[taskrun.Hold]map[string]bool // ids of runs by their holds
	alarm     alarm
}

type change struct{ before, after *taskrun.Run }

// NewQueue returns a Queue over these runs. It is empty until it is opened.
func NewQueue(runs Runs, clock clock.PassiveClock) *Queue {
	return &Queue{
		runs: runs, clock: clock,
		backlog: []change{}, queues: map[string]*taskQueue{}, items: map[string]*item{},
		idle: map[string][]*Consumer{}, consumers: map[string][]*Consumer{}, held: map[taskrun.Hold]map[string]bool{},
	}
}

// Open fills the queue and follows the runs until stop is called.
func (q *Queue) Open() (stop func()) {
	now, unfollow := q.runs.Follow(q.onChange)
	q.mu.Lock()
	defer q.mu.Unlock()
	for run := range now {
		q.apply(nil, run)
	}
	for _, c := range q.backlog {
		q.apply(c.before, c.after)
	}
	q.backlog = nil
	return func() {
		unfollow()
		q.mu.Lock()
		defer q.mu.Unlock()
		q.alarm.stop()
	}
}

// onChange applies a change of the store. It neither blocks nor calls the store.
func (q *Queue) onChange(before, after *taskrun.Run) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.backlog != nil {
		q.backlog = append(q.backlog, change{before, after})
		return
	}
	q.apply(before, after)
}

func (q *Queue) apply(before, after *taskrun.Run) {
	if before != nil {
		q.drop(before)
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

func (q *Queue) drop(run *taskrun.Run) {
	q.remove(run.ID)
	if hold := run.Hold(); hold != (taskrun.Hold{}) {
		delete(q.held[hold], run.ID)
		if len(q.held[hold]) == 0 {
			delete(q.held, hold)
		}
	}
}

// isRetry reports whether a waiting run is delivered before submitted runs: it
// awaits its retry, or was delivered in its current state and released
// (contract §1.6).
func isRetry(run *taskrun.Run) bool {
	return run.State.Name == orchestration.NameAwaitingRetry ||
		run.Delivery != nil && !run.State.Timestamp.After(run.Delivery.Since)
}

// add queues a run and wakes a consumer for it, now or when it is due.
func (q *Queue) add(run *taskrun.Run) {
	it := &item{id: run.ID, key: run.TaskKey, retry: isRetry(run), due: run.Due(), created: run.Created}
	t := q.queues[it.key]
	if t == nil {
		t = &taskQueue{key: it.key}
		q.queues[it.key] = t
	}
	q.update(t, func() { t.add(it) })
	q.items[it.id] = it
	if it.due.After(q.clock.Now()) {
		q.alarm.set(it.due, q.clock.Now(), q.onAlarm)
		return
	}
	q.wake(it.key)
}

func (q *Queue) remove(id string) {
	it := q.items[id]
	if it == nil {
		return
	}
	delete(q.items, id)
	t := q.queues[it.key]
	q.update(t, func() { t.remove(it) })
	if t.Len() == 0 {
		delete(q.queues, it.key)
	}
}

// onAlarm wakes a consumer for each run that has become due, and sets the alarm
// again.
func (q *Queue) onAlarm() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	q.alarm.reset()
	for q.scheduled.Len() > 0 {
		t := q.scheduled[0]
		if next, _ := t.nextDue(); next.After(now) {
			q.alarm.set(next, now, q.onAlarm)
			return
		}
		due := 0
		q.update(t, func() { due = t.due(now, len(q.idle[t.key])) })
		for range due {
			q.wake(t.key)
		}
	}
}

// update changes or advances a task queue, which is not in q.scheduled during the
// call.
func (q *Queue) update(t *taskQueue, change func()) {
	if t.index > 0 {
		heap.Remove(&q.scheduled, t.index-1)
	}
	change()
	if _, ok := t.nextDue(); ok {
		heap.Push(&q.scheduled, t)
	}
}

// wake wakes the consumer that has waited longest for this task key.
func (q *Queue) wake(key string) {
	if len(q.idle[key]) == 0 {
		return
	}
	c := q.idle[key][0]
	q.removeIdle(c)
	close(c.woken)
}

// addIdle adds a consumer to the idle consumers, behind the others.
func (q *Queue) addIdle(c *Consumer) {
	c.idle = true
	for _, key := range c.keys {
		q.idle[key] = append(q.idle[key], c)
	}
}

// removeIdle removes a consumer from the idle consumers.
func (q *Queue) removeIdle(c *Consumer) {
	c.idle = false
	removeConsumer(q.idle, c)
}

// claim removes a due run from the queue for a consumer, which then tries to lease
// the run. It returns "" if no run is due. Then the consumer is idle.
func (q *Queue) claim(c *Consumer) (id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(c.redeliveries)+len(c.assigned) > 0 { // added after Next looked for them
		c.woken = closedChannel
		return ""
	}
	now := q.clock.Now()
	for i := range c.keys {
		key := c.keys[(c.nextKey+i)%len(c.keys)]
		t := q.queues[key]
		if t == nil {
			continue
		}
		var next *item
		q.update(t, func() { next = t.head(now) })
		if next == nil {
			continue
		}
		c.nextKey = (c.nextKey + i + 1) % len(c.keys) // round robin
		q.remove(next.id)
		return next.id
	}
	c.woken = make(chan struct{})
	q.addIdle(c)
	return ""
}

// cancel removes a consumer from the idle consumers. If it was already woken, it
// wakes another consumer for the run.
func (q *Queue) cancel(c *Consumer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.idle {
		q.removeIdle(c)
		return
	}
	for _, key := range c.keys {
		q.wake(key)
	}
}

// restore queues a claimed run again, if it still waits.
func (q *Queue) restore(id string) {
	run := q.runs.Known(id)
	q.mu.Lock()
	defer q.mu.Unlock()
	if run != nil && run.Waiting() && q.items[id] == nil {
		q.add(run)
	}
}

// Depth returns the numbers of waiting runs by task key.
func (q *Queue) Depth() map[string]Depth {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	depths := make(map[string]Depth, len(q.queues))
	for key, t := range q.queues {
		q.update(t, func() { depths[key] = Depth{Due: t.due(now, t.Len()), Waiting: t.Len(), Oldest: t.earliest()} })
	}
	return depths
}

// Depth holds the numbers of waiting runs of one task key.
type Depth struct {
	Due     int       // runs that are due
	Waiting int       // all runs, also those that are not due
	Oldest  time.Time // earliest due time
}

// holders returns the ids of the held runs by worker.
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
