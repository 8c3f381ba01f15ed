package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/apidocs"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
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

var _ Runs = (*usecase.Service)(nil)

// Metrics hear of every request after it was answered. The route is the path
// as routes spell it, never the one asked for.
type Metrics interface {
	RequestServed(method, route string, code int, took time.Duration)
	// RequestBegan and RequestEnded count one in and out that is under way.
	RequestBegan()
	RequestEnded()
	// RequestRejected counts one that was turned away unheard, by what was too much.
	RequestRejected(reason string)
}

// Dependencies are what a Server works with.
type Dependencies struct {
	Tenant           // of the server's own namespace
	Namespace string // its name
	// Others opens the spaces of other namespaces; ErrNotServed. It is asked only
	// about namespaces that a caller may do something in, and again about one
	// whose space was closed. "" is the space of all namespaces, for lists of runs.
	Others func(namespace string) (Tenant, error) // nil: there are none
	// Buffers limits what is kept in memory of all namespaces; nil: a limit by
	// Options.BufferMemory.
	Buffers *bytebudget.Budget

	Clock         taskrun.Clock
	Log           *slog.Logger
	Metrics       Metrics       // nil: no metrics
	SocketMetrics SocketMetrics // nil: no metrics
	Door          Door          // nil: everybody may do everything
	Proxy         Proxy         // nil: requests do not come through the API server
	Tracer        Tracer        // nil: no traces
	TLS           *tls.Config   // nil: plain HTTP
}

// Server answers requests. Start makes it listen; Handler answers without.
type Server struct {
	options Options
	clock   taskrun.Clock
	log     *slog.Logger
	metrics Metrics
	door    Door  // nil: everybody may do everything
	proxy   Proxy // nil: there is none
	tls     *tls.Config
	csrf    *csrf // nil: no token is needed

	browsers   *browserGuard
	rejections rejectionSampler
	router     *router
	// discovery has the routes by which the API server knows this one.
	discovery *router
	document  *apidocs.Document // of the routes that are served

	home   *namespaceHandler
	others *handlers

	ending        atomic.Bool // connections end with their next response
	admission     *admission
	unidentified  unidentified
	memory        *bodyMemory
	socketMetrics SocketMetrics
	sockets       *socketTracker
	tracer        Tracer
	traced        http.Handler // responds to requests whose callers have been identified, or not

	listening chan struct{}
	address   net.Addr // set before listening is closed
}

// New returns a Server. The error tells what is wrong with the options.
func New(o Options, d Dependencies) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := o.CheckReach(d.Door != nil, d.TLS != nil); err != nil {
		return nil, err
	}
	if d.SocketMetrics == nil {
		d.SocketMetrics = noopMetrics{}
	}
	if d.Tracer == nil {
		d.Tracer = noTracer{}
	}
	if d.Others == nil {
		d.Others = homeOnly
	}
	routes := servedRoutes(d.Limits != nil)
	s := &Server{
		options: o, clock: d.Clock, log: d.Log, metrics: d.Metrics, door: d.Door, proxy: d.Proxy, tls: d.TLS, tracer: d.Tracer,
		socketMetrics: d.SocketMetrics, sockets: newSocketTracker(o.Sockets.Most), admission: newAdmission(o.MaxInFlight, o.MaxPerCaller),
		browsers:     newBrowserGuard(&o, d.Door != nil),
		unidentified: newUnidentified(o.MaxUnauthenticated, o.MaxUnauthenticatedPerAddress),
		router:       newRouter(o.BasePath, routes), discovery: newRouter("", discoveryRoutes()), listening: make(chan struct{}), memory: newBodyMemory(o.BodyMemory), document: apidocs.NewDocument(apiVersion, describedRoutes(routes)),
	}
	if d.Buffers == nil {
		d.Buffers = bytebudget.New(o.BufferMemory)
	}
	s.others = newHandlers(s, d.Others, d.Buffers)
	if s.tls != nil && s.proxy != nil {
		s.tls = s.tls.Clone()
		s.tls.ClientAuth = tls.RequestClientCert // the proxy looks whose it is
	}
	s.traced = s.tracer.Handler(http.HandlerFunc(s.respond))
	s.home = s.newHandler(d.Namespace, d.Tenant, newBuffers(s.clock, d.Buffers))
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

// endingTime is longer than a busy client takes between two requests.
const endingTime = 500 * time.Millisecond

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
	if s.door != nil {
		listener = &unidentifiedListener{listener, s.unidentified.connections}
	}
	close(s.listening)
	s.log.LogAttrs(ctx, slog.LevelInfo, "REST endpoint listens", slog.String("url", s.scheme()+"://"+s.address.String()+s.options.BasePath))

	ended := make(chan error, 1)
	go func() {
		if s.tls != nil {
			ended <- server.ServeTLS(listener, "", "")
			return
		}
		ended <- server.Serve(listener)
	}()
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
	s.lastResponses(bounded)
	err := errors.Join(server.Shutdown(bounded), <-closed)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "REST requests were broken off: they did not end in time",
			slog.Duration("timeout", s.options.ShutdownTimeout))
		return server.Close()
	}
	return err
}

// lastResponses lets clients end their connections: each response says that its
// connection ends. A connection that the server closes between two requests breaks
// off a request that is on its way, and no client may repeat a POST by itself.
func (s *Server) lastResponses(ctx context.Context) {
	s.ending.Store(true)
	timer := time.NewTimer(endingTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// CloseSockets ends all websockets with a code after which clients come again,
// here or to another replica, and lets none in any more. It waits until they
// are closed, which includes that what was read of them is recorded, or until
// the context ends. Start does so by itself.
func (s *Server) CloseSockets(ctx context.Context) error { return s.sockets.close(ctx) }

func (s *Server) httpServer(ctx context.Context) *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		TLSConfig:         s.tls,
		ReadHeaderTimeout: s.options.HeaderTimeout,
		ReadTimeout:       s.options.ReadTimeout,
		WriteTimeout:      s.options.WriteTimeout,
		IdleTimeout:       s.options.IdleTimeout,
		MaxHeaderBytes:    s.options.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		// The end of the program does not cancel requests that have begun.
		ConnContext: withConnection,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}

// scheme is how the server is spoken to.
func (s *Server) scheme() string {
	if s.tls != nil {
		return "https"
	}
	return "http"
}

// now is the time in the precision that clients see.
func (s *Server) now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }
