package rest

import (
	"context"
	"fmt"
	"iter"

	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Deliveries delivers runs to workers.
type Deliveries interface {
	// Subscribe adds a connection of a worker that receives runs of the task keys.
	// keys has at least one key and no duplicates. clientID is not empty. The context
	// has the caller.
	Subscribe(ctx context.Context, keys []string, clientID string) (Subscription, error)
}

// Subscription is one connection of a worker. It is used by one goroutine, which
// calls Nack for each run that the worker does not acknowledge, and finally Close.
type Subscription interface {
	// Next waits for a run and leases it to this worker.
	Next(ctx context.Context) (*taskrun.Run, error)
	// Nack releases a run that the worker did not acknowledge.
	Nack(ctx context.Context, run *taskrun.Run)
	// Close ends the connection.
	Close()
}

// Stream has the states that runs enter.
type Stream interface {
	// Follow yields the changes since a time, oldest first, and then new changes without a gap, until the context ends.
	// Changes that are available at the same time are yielded together. A state can occur twice. After the error, the
	// reader was too slow or the stream has ended, and the reader has to follow again.
	Follow(ctx context.Context, f taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange, error]
}

// SocketMetrics counts websockets. The route is the path in the routes table.
type SocketMetrics interface {
	SocketOpened(route string)
	SocketClosed(route string)
	EventReceived(outcome EventOutcome)
}

// EventOutcome is the result of an event that a client sends.
type EventOutcome string

// The outcomes.
const (
	EventValid               EventOutcome = "valid"                  // the report of a run, passed to the Recorder
	EventIgnored             EventOutcome = "ignored"                // not a report of a client
	EventInvalid             EventOutcome = "invalid"                // a report that is not valid
	EventRejected            EventOutcome = "rejected"               // valid, but rejected by the Recorder
	EventRejectedByAPIServer EventOutcome = "rejected_by_api_server" // valid, but the API server rejects the write permanently
	EventTooLarge            EventOutcome = "too_large"              // dropped unread
	EventMalformed           EventOutcome = "malformed"              // not an event; the socket ends
)

// noopMetrics counts nothing.
type noopMetrics struct{}

func (noopMetrics) SocketOpened(string)        {}
func (noopMetrics) SocketClosed(string)        {}
func (noopMetrics) EventReceived(EventOutcome) {}

// errNotBehind means that the server has no use case for a websocket.
var errNotBehind = fmt.Errorf("%w: nothing serves this", taskrun.ErrUnavailable)

// notServed stands for a use case that the server does not have.
type notServed struct{}

func (notServed) Subscribe(context.Context, []string, string) (Subscription, error) {
	return nil, errNotBehind
}

func (notServed) Record(context.Context, []taskrun.Event, func(taskrun.Event, error)) error {
	return errNotBehind
}

func (notServed) Follow(context.Context, taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange, error] {
	return func(yield func([]*feed.SharedChange, error) bool) { yield(nil, errNotBehind) }
}
