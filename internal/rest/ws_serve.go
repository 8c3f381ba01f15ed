package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// conversation is what a socket's route does. It reads from the socket until
// that fails; why the socket has ended stands in the socket's life.
type conversation func(s *space, k *socket) error

// serveSocket takes a connection over and lets its route talk until the end.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, at place) {
	rt := at.router.socket(r, at.base)
	shown, err := s.shownAtUpgrade(r, at)
	if err == nil && (rt == nil || s.door != nil && shown == nil && !offers(r, subprotocol)) {
		w.WriteHeader(http.StatusForbidden) // the words of Prefect for no such socket too
		return
	}
	leave, ok := s.sockets.enter()
	defer leave()
	if !ok {
		s.reject(busyServer)
		err = errBusy
	}
	if err != nil {
		answer, _ := answerTo(err, nil, nil)
		_ = answer.write(w, r) // the client is told, or gone
		return
	}
	g := &gate{}
	conn, err := websocket.Accept(&gatedWriter{ResponseWriter: w, gate: g}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // browserGuard has checked the Origin
	})
	if err != nil {
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "socket refused", slog.String("path", rt.path), slog.String("error", err.Error()))
		return
	}
	// After the take-over the request's context means nothing.
	k := newSocket(context.WithoutCancel(r.Context()), conn, g, &s.options.Sockets, s.log.With(
		slog.String("path", rt.path), slog.String("client", r.RemoteAddr)))
	s.attend(rt, k, at, shown) //nolint:contextcheck // the context is that of the socket
}

// attend lets the route talk, and sees to the socket's end.
func (s *Server) attend(rt *route, k *socket, at place, shown *identified) {
	began := s.clock.Now()
	s.socketMetrics.SocketOpened(rt.path)
	defer s.socketMetrics.SocketClosed(rt.path)
	unhook := context.AfterFunc(s.sockets.life, k.restart)
	defer unhook()
	var pinging sync.WaitGroup
	pinging.Go(func() { k.guard(k.keepAlive) })

	k.end(s.talk(rt, k, at, shown))
	<-k.closed
	pinging.Wait()
	s.logEnd(k, slog.Duration("took", s.clock.Now().Sub(began)))
}

// guard calls f in a goroutine of a socket; a panic in it ends the socket.
func (k *socket) guard(f func()) {
	err := taskrun.Guard(func() error {
		f()
		return nil
	})
	if err != nil {
		k.end(failed("serving a socket", err))
	}
}

// talk is the route's part. A panic is an error like others.
func (s *Server) talk(rt *route, k *socket, at place, shown *identified) (err error) {
	defer func() {
		if fault, ok := errors.AsType[*taskrun.PanicError](err); ok {
			err = failed("serving a socket", fault)
		}
	}()
	defer taskrun.Recover(&err)
	peer := &admittance{server: s, socket: k, route: rt, namespace: at.namespace}
	if err := peer.show(shown); err != nil {
		return err
	}
	where, err := s.spaceFor(rt, at.namespace)
	if err != nil {
		return failed("opening the namespace", err)
	}
	defer peer.watch()()
	return rt.talk(where, k)
}

func (s *Server) logEnd(k *socket, took slog.Attr) {
	cause, level := context.Cause(k.life), slog.LevelInfo
	var how *closing
	if errors.As(cause, &how) && how.code == websocket.StatusInternalError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("because", cause.Error()), took}
	if k.caller.Name != "" {
		attrs = append(attrs, slog.String("caller", k.caller.Name))
	}
	k.log.LogAttrs(context.WithoutCancel(k.life), level, "socket ended", attrs...)
}

// attendance knows which sockets there are.
type attendance struct {
	life context.Context //nolint:containedctx // ends when the server stops
	stop context.CancelFunc

	most int // at once

	mu      sync.Mutex
	stopped bool
	here    int
	inside  sync.WaitGroup
}

func newAttendance(most int) *attendance {
	a := &attendance{most: most}
	a.life, a.stop = context.WithCancel(context.Background())
	return a
}

// enter counts a socket in; ok is false if none is taken any more, or for now.
func (a *attendance) enter() (leave func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || a.here >= a.most {
		return func() {}, false
	}
	a.here++
	a.inside.Add(1)
	return a.leave, true
}

func (a *attendance) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.here--
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

// offers reports whether the client speaks the subprotocol.
func offers(r *http.Request, name string) bool {
	return headerHas(r.Header, "Sec-WebSocket-Protocol", name)
}

// headerHas reports whether a list in the header has the word, in any case.
func headerHas(h http.Header, key, word string) bool {
	for _, value := range h.Values(key) {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), word) {
				return true
			}
		}
	}
	return false
}
