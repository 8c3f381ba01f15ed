package delivery

import (
	"cmp"
	"container/heap"
	"time"
)

// item is the entry of one run in its taskQueue.
type item struct {
	id, key      string
	retry        bool
	future       bool // not due at the latest advance
	due, created time.Time
	index        int // in the heap
}

// taskQueue holds the waiting runs of one task key. Of the due runs, retries are
// delivered first, as in Prefect's two queues of a task key (contract §1.6). Runs
// that are not due have a heap of their own, so that advance checks only the first.
type taskQueue struct {
	retries, submitted dueHeap   // due at advancedTo
	future             dueHeap   // due later
	advancedTo         time.Time // time of the latest advance
	index              int       // in Queue.scheduled, plus one; 0: not in it
	key                string
}

func (t *taskQueue) heapOf(it *item) *dueHeap {
	switch {
	case it.future:
		return &t.future
	case it.retry:
		return &t.retries
	default:
		return &t.submitted
	}
}

func (t *taskQueue) heaps() []*dueHeap { return []*dueHeap{&t.retries, &t.submitted} }

func (t *taskQueue) add(it *item) {
	it.future = it.due.After(t.advancedTo)
	heap.Push(t.heapOf(it), it)
}

func (t *taskQueue) remove(it *item) { heap.Remove(t.heapOf(it), it.index) }

// advance moves the runs that have become due. If the clock was set back, it
// sorts all runs again.
func (t *taskQueue) advance(now time.Time) {
	if now.Before(t.advancedTo) {
		t.rebuild(now)
	}
	t.advancedTo = now
	for t.future.Len() > 0 && !t.future[0].due.After(now) {
		it := t.future[0]
		heap.Pop(&t.future)
		t.add(it)
	}
}

func (t *taskQueue) rebuild(now time.Time) {
	t.advancedTo = now
	for _, h := range t.heaps() {
		items := *h
		*h = nil
		for _, it := range items {
			t.add(it)
		}
	}
}

// head returns the due run to deliver first, nil if no run is due.
func (t *taskQueue) head(now time.Time) *item {
	t.advance(now)
	for _, h := range t.heaps() {
		if h.Len() > 0 {
			return (*h)[0]
		}
	}
	return nil
}

// earliest returns the earliest due time. The queue must not be empty.
func (t *taskQueue) earliest() time.Time {
	var at time.Time
	for _, h := range append(t.heaps(), &t.future) {
		if h.Len() > 0 && (at.IsZero() || (*h)[0].due.Before(at)) {
			at = (*h)[0].due
		}
	}
	return at
}

// due returns the number of due runs, at most limit.
func (t *taskQueue) due(now time.Time, limit int) int {
	t.advance(now)
	return min(limit, t.retries.Len()+t.submitted.Len())
}

// nextDue returns the due time of the first run that was not due at the latest
// advance. ok is false if all runs are due.
func (t *taskQueue) nextDue() (at time.Time, ok bool) {
	if t.future.Len() == 0 {
		return time.Time{}, false
	}
	return t.future[0].due, true
}

// Len returns the number of waiting runs.
func (t *taskQueue) Len() int { return t.retries.Len() + t.submitted.Len() + t.future.Len() }

// dueHeap is a heap of runs by due time. Its exported methods implement
// heap.Interface.
type dueHeap []*item

// Len returns the number of runs.
func (h *dueHeap) Len() int { return len(*h) }

// Less orders by due time, then by creation time, then by id.
func (h *dueHeap) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	return cmp.Or(a.due.Compare(b.due), a.created.Compare(b.created), cmp.Compare(a.id, b.id)) < 0
}

// Swap swaps two items.
func (h *dueHeap) Swap(i, j int) {
	(*h)[i], (*h)[j] = (*h)[j], (*h)[i]
	(*h)[i].index, (*h)[j].index = i, j
}

// Push appends an item.
func (h *dueHeap) Push(x any) {
	it := x.(*item) //nolint:errcheck,forcetypeassert // nothing else is pushed
	it.index = len(*h)
	*h = append(*h, it)
}

// Pop removes the last item.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return it
}

// taskQueueHeap is a heap of the task queues with runs that are not due, by the
// due time of their next run. Its exported methods implement heap.Interface.
type taskQueueHeap []*taskQueue

// Len returns the number of task queues.
func (h *taskQueueHeap) Len() int { return len(*h) }

// Less orders by the due time of the next run.
func (h *taskQueueHeap) Less(i, j int) bool {
	return (*h)[i].future[0].due.Before((*h)[j].future[0].due)
}

// Swap swaps two task queues.
func (h *taskQueueHeap) Swap(i, j int) {
	(*h)[i], (*h)[j] = (*h)[j], (*h)[i]
	(*h)[i].index, (*h)[j].index = i+1, j+1
}

// Push appends a task queue.
func (h *taskQueueHeap) Push(x any) {
	t := x.(*taskQueue) //nolint:errcheck,forcetypeassert // nothing else is pushed
	*h = append(*h, t)
	t.index = len(*h)
}

// Pop removes the last task queue.
func (h *taskQueueHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last], t.index = nil, 0
	*h = (*h)[:last]
	return t
}
