package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// conversation is what a socket's route does. It reads from the socket until
// that fails; why the socket has ended stands in the socket's life.
type conversation func(s *space, k *socket) error

// socket is a websocket and its caller.
type socket struct {
	*ws.Socket
	caller  authn.Caller // no name: there is no authentication, or the caller is not identified yet
	options *SocketOptions
}

// errNoSocket is for upgrades of paths that have no websocket, or none for the caller.
// Prefect's response to them is 403 without a body.
var errNoSocket = errors.New("no websocket for this request")

// serveSocket takes a connection over and lets its route talk until the end.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, at place) {
	rt := at.router.socket(r, at.base)
	shown, err := s.shownAtUpgrade(r, at)
	nameless := s.door != nil && shown == nil // the caller is not identified yet
	if err == nil {
		err = s.checkSocket(r, rt, at, nameless)
	}
	seat := s.sockets.seat()
	defer seat.leave()
	if err == nil {
		err = s.admitUpgrade(seat, shown)
	}
	if err != nil {
		s.refuseUpgrade(w, r, err)
		return
	}
	accepted, err := ws.Accept(w, r, &ws.AcceptOptions{
		Options: &s.options.Sockets.Options, Memory: ws.Memory{Arriving: s.memory.arriving, Parsed: s.memory.parsed},
		Log: s.log.With(slog.String("path", rt.path), slog.String("client", r.RemoteAddr)), Unidentified: nameless,
	})
	if err != nil {
		s.logRefusal(r, http.StatusBadRequest, err)
		return
	}
	k := &socket{Socket: accepted, options: &s.options.Sockets}
	if nameless {
		leave := s.unidentified.sockets.enter(addressOf(r.RemoteAddr), func() { k.End(errCrowded) })
		seat.identified = func() {
			leave()
			leaveUnidentified(r)
		}
	}
	s.attend(rt, k, at, shown, seat)
}

// checkSocket returns the error for an upgrade that leads nowhere for every caller.
func (s *Server) checkSocket(r *http.Request, rt *route, at place, nameless bool) error {
	switch {
	case rt == nil, nameless && !ws.OffersHandshake(r):
		return errNoSocket
	case at.namespace != s.home.namespace && at.namespace == everywhere && !rt.across:
		return errOneNamespace
	default:
		return nil
	}
}

// refuseUpgrade responds to an upgrade that is refused.
func (s *Server) refuseUpgrade(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusForbidden
	if errors.Is(err, errNoSocket) {
		w.WriteHeader(status)
	} else {
		answer, _ := answerTo(err, nil, nil)
		_ = answer.write(w, r) // the client is told, or gone
		status = answer.status
	}
	s.logRefusal(r, status, err)
}

// logRefusal logs a websocket that did not come about, unless there are too many.
func (s *Server) logRefusal(r *http.Request, status int, err error) {
	attrs, logged := s.sampled(true, s.clock.Now())
	if !logged {
		return
	}
	var v visit
	v.note(err)
	attrs = append(append(v.attrs(), attrs...), slog.String("path", truncateForLog(r.URL.Path)), slog.Int("status", status),
		slog.String("client", r.RemoteAddr), slog.String("error", truncateForLog(err.Error())))
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "socket refused", attrs...)
}

// errCrowded ends a socket whose caller is not identified, because its place is
// needed for another one. Clients come again.
var errCrowded = ws.NewCloseError(websocket.StatusTryAgainLater, http.StatusText(http.StatusServiceUnavailable))

// admitUpgrade takes a place for a caller that is identified by now, or never is.
func (s *Server) admitUpgrade(seat *socketSeat, shown *identified) error {
	switch {
	case !seat.attends:
	case s.door == nil:
		if seat.take("") {
			return nil
		}
	case shown == nil: // takes one once it is identified
		return nil
	default:
		if seat.take(shown.Name) {
			return nil
		}
	}
	s.reject(busyServer)
	return errBusy
}

// attend lets the route talk, and sees to the socket's end.
func (s *Server) attend(rt *route, k *socket, at place, shown *identified, seat *socketSeat) {
	began := s.clock.Now()
	s.socketMetrics.SocketOpened(rt.path)
	defer s.socketMetrics.SocketClosed(rt.path)
	unhook := context.AfterFunc(s.sockets.life, k.Restart)
	defer unhook()
	var pinging sync.WaitGroup
	pinging.Go(func() { k.Guard(k.KeepAlive) })

	k.End(s.talk(rt, k, at, shown, seat))
	<-k.Closed()
	pinging.Wait()
	s.logEnd(k, slog.Duration("took", s.clock.Now().Sub(began)))
}

// talk is the route's part. A panic is an error like others.
func (s *Server) talk(rt *route, k *socket, at place, shown *identified, seat *socketSeat) (err error) {
	defer func() {
		if fault, ok := errors.AsType[*panics.Error](err); ok {
			err = ws.NewInternalError("serving a socket", fault)
		}
	}()
	defer panics.Recover(&err)
	peer := &admittance{server: s, socket: k, route: rt, namespace: at.namespace, seat: seat}
	where, release, err := peer.show(shown)
	defer release()
	if err != nil {
		return err
	}
	defer peer.watch()()
	return rt.talk(where, k)
}

// logEnd logs the end of a websocket. One whose caller was not let in is a refused
// one, of which not all are logged.
func (s *Server) logEnd(k *socket, took slog.Attr) {
	cause := context.Cause(k.Life())
	level, because := howEnded(cause)
	attrs, logged := s.sampled(s.door != nil && k.caller.Name == "", s.clock.Now())
	if !logged {
		return
	}
	attrs = append(attrs, slog.String("because", truncateForLog(because)), took)
	if k.caller.Name != "" {
		attrs = append(attrs, slog.String("caller", k.caller.Name))
	}
	k.Log().LogAttrs(context.WithoutCancel(k.Life()), level, "socket ended", attrs...)
}

// howEnded returns the level at which the end of a socket is logged, and the text: debug
// if the client closed it in good order, error after a fault of the operator.
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

// attendance knows which sockets there are.
type attendance struct {
	life context.Context //nolint:containedctx // ends when the server stops
	stop context.CancelFunc

	most int // places

	mu       sync.Mutex
	stopped  bool
	taken    int            // places
	byCaller map[string]int // of them, by the name of the caller
	inside   sync.WaitGroup
}

// The parts of all places that keep callers apart: one that has its share already
// may have more as long as the reserve is free, which is for those with less.
const (
	socketShare   = 10 // divisor of the places that gives the share of a caller
	socketReserve = 4  // divisor of the places that gives the reserve
)

func newAttendance(most int) *attendance {
	a := &attendance{most: most, byCaller: map[string]int{}}
	a.life, a.stop = context.WithCancel(context.Background())
	return a
}

// socketSeat is the presence of one socket. Until its caller is identified it takes
// none of the places that --max-websockets counts.
type socketSeat struct {
	attendance *attendance
	attends    bool // false: no socket is taken any more
	seated     bool
	caller     string
	identified func() // leaves the pool of the unidentified; nil: it is not in there
}

// seat makes a socket known, which a server that stops waits for.
func (a *attendance) seat() *socketSeat {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return &socketSeat{}
	}
	a.inside.Add(1)
	return &socketSeat{attendance: a, attends: true}
}

// take takes a place for a caller; ok is false if there is none for it. Callers
// without a name are not told apart.
func (t *socketSeat) take(caller string) (ok bool) {
	a := t.attendance
	a.mu.Lock()
	defer a.mu.Unlock()
	most := a.most
	if caller != "" && a.byCaller[caller] >= max(1, a.most/socketShare) {
		most -= a.most / socketReserve
	}
	if a.taken >= most {
		return false
	}
	a.taken++
	a.byCaller[caller]++
	t.seated, t.caller = true, caller
	return true
}

func (t *socketSeat) leave() {
	if t.identified != nil {
		t.identified()
	}
	if !t.attends {
		return
	}
	a := t.attendance
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.seated {
		a.taken--
		if a.byCaller[t.caller]--; a.byCaller[t.caller] == 0 {
			delete(a.byCaller, t.caller)
		}
	}
	a.inside.Done()
}

// close ends all sockets, and waits until they are closed or the context ends.
func (a *attendance) close(ctx context.Context) error {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.stop()
	left := make(chan struct{})
	go func() {
		a.inside.Wait()
		close(left)
	}()
	select {
	case <-left:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
