package rest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// fakeDeliveries delivers the runs that a test sends to it.
type fakeDeliveries struct {
	runs    chan *taskrun.Run
	refuses error

	mu     sync.Mutex
	calls  []string
	caller string // of the latest subscription
}

func newFakeDeliveries() *fakeDeliveries { return &fakeDeliveries{runs: make(chan *taskrun.Run, 10)} }

func (f *fakeDeliveries) record(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, text)
}

// expect checks the recorded calls.
func (f *fakeDeliveries) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Fatalf("calls (-want +got):\n%s", diff)
	}
}

func (f *fakeDeliveries) Subscribe(ctx context.Context, keys []string, clientID string) (Subscription, error) {
	f.mu.Lock()
	f.caller = taskrun.Caller(ctx)
	f.mu.Unlock()
	if f.refuses != nil {
		return nil, f.refuses
	}
	for _, key := range keys {
		f.record(clientID + " wants " + key)
	}
	return &fakeSubscription{f, clientID}, nil
}

type fakeSubscription struct {
	*fakeDeliveries
	clientID string
}

func (f *fakeSubscription) Next(ctx context.Context) (*taskrun.Run, error) {
	select {
	case run := <-f.runs:
		if run == nil {
			return nil, taskrun.ErrUnavailable
		}
		return run, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (f *fakeSubscription) Nack(ctx context.Context, run *taskrun.Run) {
	if ctx.Err() != nil {
		f.record("returned after the end of the context")
	}
	f.record(f.clientID + " returned " + run.Name)
}

func (f *fakeSubscription) Close() { f.record(f.clientID + " left") }

// fakeRecorder keeps the events that it gets.
type fakeRecorder struct {
	before  func(ctx context.Context) error // nil: none
	refuses string                          // name of states; "": none

	mu      sync.Mutex
	batches [][]string // of the ids of states
}

func (f *fakeRecorder) Record(ctx context.Context, events []taskrun.Event, refused func(taskrun.Event, error)) error {
	if f.before != nil {
		if err := f.before(ctx); err != nil {
			return err
		}
	}
	ids := make([]string, 0, len(events))
	for _, e := range events {
		if e.State.Name == f.refuses {
			refused(e, errors.New("a state that is refused"))
			continue
		}
		ids = append(ids, e.State.ID)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches = append(f.batches, ids)
	return nil
}

func (f *fakeRecorder) recorded(t *testing.T) [][]string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}

// fakeStream yields the changes that a test adds.
type fakeStream struct {
	changes chan taskrun.Change
	broken  error

	mu    sync.Mutex
	asked []taskrun.WatchOptions
}

func (f *fakeStream) Follow(ctx context.Context, following taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange[*taskrun.Run], error] {
	f.mu.Lock()
	f.asked = append(f.asked, following)
	f.mu.Unlock()
	return func(yield func([]*feed.SharedChange[*taskrun.Run], error) bool) {
		if f.broken != nil {
			yield(nil, f.broken)
			return
		}
		for {
			select {
			case change, ok := <-f.changes:
				if !ok || !yield([]*feed.SharedChange[*taskrun.Run]{{ChangeOf: change}}, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// socketCounter counts the calls of SocketMetrics.
type socketCounter struct {
	mu     sync.Mutex
	opened map[string]int
	closed map[string]int
	events map[EventOutcome]int
}

func count[K comparable](mu *sync.Mutex, m *map[K]int, key K) {
	mu.Lock()
	defer mu.Unlock()
	if *m == nil {
		*m = map[K]int{}
	}
	(*m)[key]++
}

func (c *socketCounter) SocketOpened(route string)          { count(&c.mu, &c.opened, route) }
func (c *socketCounter) SocketClosed(route string)          { count(&c.mu, &c.closed, route) }
func (c *socketCounter) EventReceived(outcome EventOutcome) { count(&c.mu, &c.events, outcome) }
