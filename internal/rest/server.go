package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Runs are the use cases that requests ask for; *taskrun.Service has them.
type Runs interface {
	Create(ctx context.Context, in taskrun.NewRun) (run *taskrun.Run, created bool, err error)
	Get(ctx context.Context, id string) (*taskrun.Run, error)
	Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error)
	Count(ctx context.Context, f taskrun.Filter) (int, error)
	CountByState(ctx context.Context, f taskrun.Filter) ([]taskrun.StateCount, error)
	CountByFlowRun(ctx context.Context, flowRunIDs []string) (map[string]int, error)
	ObservedStates(ctx context.Context, q taskrun.ObservedQuery) ([]taskrun.ObservedState, error)
	History(ctx context.Context, q taskrun.HistoryQuery) ([]taskrun.HistoryBin, error)
	Dashboard(ctx context.Context, f taskrun.Filter) ([taskrun.DashboardBuckets]taskrun.DashboardBucket, error)
	State(ctx context.Context, stateID string) (*orchestration.State, *taskrun.Run, error)
	Rename(ctx context.Context, id, name string) error
	Delete(ctx context.Context, id string) error
	SetState(ctx context.Context, id string, p taskrun.Proposal) (taskrun.Outcome, error)
	Ready(ctx context.Context) error
}

var _ Runs = (*taskrun.Service)(nil)

// Metrics hear of every request after it was answered. The route is the path
// as routes spell it, never the one asked for.
type Metrics interface {
	RequestServed(method, route string, code int, took time.Duration)
}

// Dependencies are what a Server works with.
type Dependencies struct {
	Runs    Runs
	Clock   taskrun.Clock
	Log     *slog.Logger
	Metrics Metrics // nil: nobody counts
	Limits  Limits  // nil: the routes about limits are not served
	Workers Workers // nil: there are none
	Tracer  Tracer  // nil: nobody traces

	// What is behind the websockets. Without it they end with an error when
	// it is needed, and clients come again.
	Deliveries    Deliveries
	Recorder      Recorder
	Stream        Stream
	Tokens        Tokens        // nil: any token is good
	SocketMetrics SocketMetrics // nil: nobody counts
}

// Server answers requests. Start makes it listen; Handler answers without.
type Server struct {
	options Options
	runs    Runs
	clock   taskrun.Clock
	log     *slog.Logger
	metrics Metrics
	limits  Limits
	workers Workers
	logs    *taskrun.LogBook
	csrf    *csrf // nil: nobody needs a token
	router  *router
	// document describes the routes that are served; it is made when first asked for.
	document func() ([]byte, error)

	deliveries    Deliveries
	recorder      Recorder
	stream        Stream
	tokens        Tokens
	socketMetrics SocketMetrics
	sockets       *attendance
	verbatim      *verbatim
	tracer        Tracer

	listening chan struct{}
	address   net.Addr // set before listening is closed
}

// New returns a Server. The error tells what is wrong with the options.
func New(o Options, d Dependencies) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	d.fillIn()
	routes := servedRoutes(d.Limits != nil)
	s := &Server{
		options: o, runs: d.Runs, clock: d.Clock, log: d.Log, metrics: d.Metrics, workers: d.Workers, limits: d.Limits,
		deliveries: d.Deliveries, recorder: d.Recorder, stream: d.Stream, tokens: d.Tokens,
		socketMetrics: d.SocketMetrics, sockets: newAttendance(), verbatim: newVerbatim(), tracer: d.Tracer,
		logs: taskrun.NewLogBook(d.Clock, nil), router: newRouter(o.BasePath, routes), listening: make(chan struct{}),
		document: sync.OnceValues(func() ([]byte, error) { return describe(o.BasePath, routes) }),
	}
	var err error
	if o.CSRFProtection {
		s.csrf, err = newCSRF(o.CSRFKeyFile)
	}
	return s, err
}

// NeedLeaderElection tells a manager that every replica serves.
func (s *Server) NeedLeaderElection() bool { return false }

// Listening is closed when the server can be reached at Addr.
func (s *Server) Listening() <-chan struct{} { return s.listening }

// Addr is where the server can be reached, once Listening is closed.
func (s *Server) Addr() net.Addr {
	<-s.listening
	return s.address
}

// Start listens and answers until the context ends; then it lets the requests
// that have begun end, but not longer than Options.ShutdownTimeout. A Server
// can be started once.
func (s *Server) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.BindAddress)
	if err != nil {
		return fmt.Errorf("--rest-bind-address: %w", err)
	}
	server := s.httpServer(ctx)
	s.address = listener.Addr()
	close(s.listening)
	s.log.LogAttrs(ctx, slog.LevelInfo, "REST endpoint listens", slog.String("url", "http://"+s.address.String()+s.options.BasePath))

	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("REST endpoint: %w", err)
	case <-ctx.Done():
		return s.shutDown(context.WithoutCancel(ctx), server)
	}
}

// shutDown closes the websockets and lets requests end. What has not ended in
// time is broken off; that is told, but the program has not failed.
func (s *Server) shutDown(ctx context.Context, server *http.Server) error {
	bounded, cancel := context.WithTimeout(ctx, s.options.ShutdownTimeout)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.CloseSockets(bounded) }()
	err := errors.Join(server.Shutdown(bounded), <-closed)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "REST requests were broken off: they did not end in time",
			slog.Duration("timeout", s.options.ShutdownTimeout))
		return server.Close()
	}
	return err
}

// CloseSockets ends all websockets with a code after which clients come again,
// here or to another replica, and lets none in any more. It waits until they
// are closed, which includes that what was read of them is recorded, or until
// the context ends. Start does so by itself.
func (s *Server) CloseSockets(ctx context.Context) error { return s.sockets.close(ctx) }

func (s *Server) httpServer(ctx context.Context) *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.options.HeaderTimeout,
		ReadTimeout:       s.options.ReadTimeout,
		WriteTimeout:      s.options.WriteTimeout,
		IdleTimeout:       s.options.IdleTimeout,
		MaxHeaderBytes:    s.options.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		// The end of the program does not cancel requests that have begun.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}

// now is the time in the precision that clients see.
func (s *Server) now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }
