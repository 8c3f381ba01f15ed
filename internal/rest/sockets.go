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

// Recorder makes reports of clients durable.
type Recorder interface {
	// Record returns nil when each of the events is durable, or was refused
	// for good, which refused hears: then to report it again is of no use. An
	// error says that the whole is to be tried again. An event may come again
	// at any time.
	Record(ctx context.Context, events []taskrun.Event, refused func(taskrun.Event, error)) error
}

// Stream tells of the states that runs enter.
type Stream interface {
	// Follow yields what happened since a time, oldest first, and then what
	// happens, without a gap between the two, until the context ends. A state
	// may come twice. It ends with an error if the reader is too slow, or the
	// stream cannot go on; both say that the reader has to begin anew.
	Follow(ctx context.Context, f taskrun.WatchOptions) iter.Seq2[*feed.SharedChange, error]
}

// SocketMetrics hear of sockets. The route is the path as routes spell it.
type SocketMetrics interface {
	SocketOpened(route string)
	SocketClosed(route string)
	EventReceived(outcome EventOutcome)
}

// EventOutcome is what becomes of an event that a client sends.
type EventOutcome string

// The outcomes.
const (
	EventTaken     EventOutcome = "taken"     // a report on a run, given to the Recorder
	EventIgnored   EventOutcome = "ignored"   // about something else, or by a server
	EventPoisoned  EventOutcome = "poisoned"  // a report that says nothing that a run can be
	EventRefused   EventOutcome = "refused"   // by the Recorder, after it was taken
	EventRejected  EventOutcome = "rejected"  // by the API server, after it was taken
	EventTooLarge  EventOutcome = "too_large" // dropped unread
	EventMalformed EventOutcome = "malformed" // no event; its socket ends
)

// noMetrics count nothing.
type noMetrics struct{}

func (noMetrics) SocketOpened(string)        {}
func (noMetrics) SocketClosed(string)        {}
func (noMetrics) EventReceived(EventOutcome) {}

// errNoDomain says that there is nothing behind a websocket.
var errNoDomain = fmt.Errorf("%w: nothing serves this", taskrun.ErrUnavailable)

// noDomain stands for what is not there.
type noDomain struct{}

func (noDomain) Subscribe(context.Context, []string, string) (Subscription, error) {
	return nil, errNoDomain
}

func (noDomain) Record(context.Context, []taskrun.Event, func(taskrun.Event, error)) error {
	return errNoDomain
}

func (noDomain) Follow(context.Context, taskrun.WatchOptions) iter.Seq2[*feed.SharedChange, error] {
	return func(yield func(*feed.SharedChange, error) bool) { yield(nil, errNoDomain) }
}
