package rest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"sync"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// socketHandler handles a websocket of a route. It reads from the socket until a read fails. The cause of the end is
// that of the context of the socket.
type socketHandler func(s *namespaceHandler, k *socket) error

// socket is a websocket and its caller.
type socket struct {
	*ws.Socket
	caller  authn.Caller // without a name: no authentication, or not identified yet
	options *SocketOptions
}

// errNoSocket is the error for upgrades of paths without a websocket, or with none for the caller. Prefect's response
// to them is 403 without a body.
var errNoSocket = errors.New("no websocket for this request")

// serveSocket accepts a websocket and calls the handler of its route.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, at target) {
	rt := at.router.socket(r, at.base)
	shown, err := s.identifyUpgrade(r, at)
	nameless := s.reviewer != nil && shown == nil // the caller is not identified yet
	if err == nil {
		err = s.checkSocket(r, rt, at, nameless)
	}
	slot := s.sockets.NewSlot()
	defer slot.Release()
	if err == nil {
		err = s.admitUpgrade(slot, shown)
	}
	if err != nil {
		s.rejectUpgrade(w, r, err)
		return
	}
	accepted, err := ws.Accept(w, r, &ws.AcceptOptions{
		Options: &s.options.Sockets.Options, Memory: ws.Memory{Arriving: s.memory.Arriving, Parsed: s.memory.Parsed},
		Log: s.log.With(slog.String("path", rt.path), slog.String("client", r.RemoteAddr)), Unidentified: nameless,
	})
	if err != nil {
		s.logRejection(r, http.StatusBadRequest, err)
		return
	}
	k := &socket{Socket: accepted, options: &s.options.Sockets}
	if nameless {
		leave := s.unidentified.Sockets.Enter(limiter.AddressOf(r.RemoteAddr), func() { k.End(errPoolFull) })
		slot.LeavePool = func() {
			leave()
			limiter.MarkIdentified(r)
		}
	}
	s.serveAccepted(rt, k, at, shown, slot)
}

// checkSocket returns the error for an upgrade that is rejected for every caller.
func (s *Server) checkSocket(r *http.Request, rt *route, at target, nameless bool) error {
	switch {
	case rt == nil, nameless && !ws.OffersHandshake(r):
		return errNoSocket
	case at.namespace != s.home.namespace && at.namespace == allNamespaces && !rt.across:
		return errOneNamespace
	default:
		return nil
	}
}

// rejectUpgrade responds to an upgrade that is rejected.
func (s *Server) rejectUpgrade(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusForbidden
	if errors.Is(err, errNoSocket) {
		w.WriteHeader(status)
	} else {
		resp, _ := errorResponse(err, nil, nil)
		_ = resp.write(w, r) // an error means that the client has disconnected
		status = resp.status
	}
	s.logRejection(r, status, err)
}

// logRejection logs a rejected websocket. If there are many, it logs a sample.
func (s *Server) logRejection(r *http.Request, status int, err error) {
	attrs, logged := s.sampled(true, s.clock.Now())
	if !logged {
		return
	}
	var v requestInfo
	v.note(err)
	attrs = append(append(v.attrs(), attrs...), slog.String("path", truncateForLog(r.URL.Path)), slog.Int("status", status),
		slog.String("client", r.RemoteAddr), slog.String("error", truncateForLog(err.Error())))
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "socket rejected", attrs...)
}

// errPoolFull ends the oldest socket of the unidentified callers when a new one arrives at the limit. Clients
// reconnect.
var errPoolFull = ws.NewCloseError(websocket.StatusTryAgainLater, http.StatusText(http.StatusServiceUnavailable))

// admitUpgrade acquires a slot for a caller that is identified, or that needs no identity.
func (s *Server) admitUpgrade(slot *limiter.SocketSlot, shown *identified) error {
	switch {
	case !slot.Open:
	case s.reviewer == nil:
		if slot.Acquire("") {
			return nil
		}
	case shown == nil: // acquires a slot when it is identified
		return nil
	default:
		if slot.Acquire(shown.Name) {
			return nil
		}
	}
	s.reject(limiter.ReasonServer)
	return limiter.ErrBusy
}

// serveAccepted serves a websocket until its end.
func (s *Server) serveAccepted(rt *route, k *socket, at target, shown *identified, slot *limiter.SocketSlot) {
	began := s.clock.Now()
	s.socketMetrics.SocketOpened(rt.path)
	defer s.socketMetrics.SocketClosed(rt.path)
	unhook := context.AfterFunc(s.sockets.Stopping(), k.Restart)
	defer unhook()
	var pinging sync.WaitGroup
	pinging.Go(func() { k.Guard(k.KeepAlive) })

	k.End(s.serveRoute(rt, k, at, shown, slot))
	<-k.Closed()
	pinging.Wait()
	s.logEnd(k, slog.Duration("took", s.clock.Now().Sub(began)))
}

// serveRoute authorizes the caller and calls the handler of the route. A panic is an error.
func (s *Server) serveRoute(rt *route, k *socket, at target, shown *identified, slot *limiter.SocketSlot) (err error) {
	defer func() {
		if panicked, ok := errors.AsType[*panics.Error](err); ok {
			err = ws.NewInternalError("serving a socket", panicked)
		}
	}()
	defer panics.Recover(&err)
	peer := &socketAuth{server: s, socket: k, route: rt, namespace: at.namespace, slot: slot}
	where, release, err := peer.authenticate(shown)
	defer release()
	if err != nil {
		return err
	}
	defer peer.recheckRegularly()()
	return rt.serve(where, k)
}

// logEnd logs the end of a websocket. The end of a socket whose caller was not identified is logged as a sample.
func (s *Server) logEnd(k *socket, took slog.Attr) {
	cause := context.Cause(k.Life())
	level, because := howEnded(cause)
	attrs, logged := s.sampled(s.reviewer != nil && k.caller.Name == "", s.clock.Now())
	if !logged {
		return
	}
	attrs = append(attrs, slog.String("because", truncateForLog(because)), took)
	if k.caller.Name != "" {
		attrs = append(attrs, slog.String("caller", k.caller.Name))
	}
	k.Log().LogAttrs(context.WithoutCancel(k.Life()), level, "socket ended", attrs...)
}

// howEnded returns the log level for the end of a socket, and the text: debug if the client closed the socket normally,
// error after an error of the operator.
func howEnded(cause error) (level slog.Level, because string) {
	var how *ws.CloseError
	switch code := websocket.CloseStatus(cause); {
	case errors.As(cause, &how) && how.Code == websocket.StatusInternalError:
		return slog.LevelError, cause.Error()
	case errors.Is(cause, ws.ErrGone) && (code == websocket.StatusNormalClosure || code == websocket.StatusGoingAway || code == websocket.StatusNoStatusRcvd):
		return slog.LevelDebug, fmt.Sprintf("closed by the client with %d", code)
	default:
		return slog.LevelInfo, cause.Error()
	}
}

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
	Follow(ctx context.Context, f taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange[*taskrun.Run], error]
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

func (notServed) Follow(context.Context, taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange[*taskrun.Run], error] {
	return func(yield func([]*feed.SharedChange[*taskrun.Run], error) bool) { yield(nil, errNotBehind) }
}
