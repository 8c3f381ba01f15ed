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

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/apidocs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/crossorigin"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Runs are the use cases of task runs. *usecase.Service implements them.
type Runs interface {
	Lists

	Create(ctx context.Context, in taskrun.NewRun) (run *taskrun.Run, created bool, err error)
	Get(ctx context.Context, id string) (*taskrun.Run, error)
	State(ctx context.Context, stateID string) (*orchestration.State, *taskrun.Run, error)
	Rename(ctx context.Context, id, name string) error
	Delete(ctx context.Context, id string) error
	SetState(ctx context.Context, id string, p taskrun.Proposal) (taskrun.Outcome, error)
	FlowRunName(ctx context.Context, id string) (*string, error)
	Ready(ctx context.Context) error
}

var _ Runs = (*usecase.Service)(nil)

// Lists are the use cases that read many task runs. *usecase.Lister implements them.
type Lists interface {
	// Join adds to a filter what the flow runs tell of it. The parents are the filters on what runs belong to.
	Join(ctx context.Context, f *taskrun.Filter, parents flowrun.Filters) error
	Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error)
	Count(ctx context.Context, f taskrun.Filter) (int, error)
	CountByState(ctx context.Context, f taskrun.Filter) ([]taskrun.StateCount, error)
	CountByFlowRun(ctx context.Context, flowRunIDs []string) (map[string]int, error)
	ObservedStates(ctx context.Context, q taskrun.ObservedQuery) ([]taskrun.ObservedState, error)
	History(ctx context.Context, q taskrun.HistoryQuery) ([]taskrun.HistoryBin, error)
	Dashboard(ctx context.Context, f taskrun.Filter) ([taskrun.DashboardBuckets]taskrun.DashboardBucket, error)
}

var _ Lists = (*usecase.Lister)(nil)

// Metrics counts requests after the response. The route is the path in the routes table, never the path of the request.
type Metrics interface {
	RequestServed(method, route string, code int, took time.Duration)
	// RequestBegan and RequestEnded count the requests in flight.
	RequestBegan()
	RequestEnded()
	// RequestRejected counts a request that was rejected because of load, by reason.
	RequestRejected(reason string)
}

// Tracer traces requests.
type Tracer interface {
	// Handler returns a handler that starts a span, calls next and ends the span.
	Handler(next http.Handler) http.Handler
	// Trust returns a context whose request continues the trace of the client, because its caller is identified.
	// Otherwise the trace header of the client is ignored.
	Trust(ctx context.Context) context.Context
	// Routed sets the name of the span. The route is the path in the routes table, never the path of the request.
	Routed(ctx context.Context, method, route string)
}

// noTracer creates no spans.
type noTracer struct{}

func (noTracer) Handler(next http.Handler) http.Handler    { return next }
func (noTracer) Trust(ctx context.Context) context.Context { return ctx }
func (noTracer) Routed(context.Context, string, string)    {}

// Dependencies are the dependencies of a Server.
type Dependencies struct {
	Tenant           // of the server's own namespace
	Namespace string // its name
	// Others returns the tenant of another namespace, or ErrNotServed. It is called only for namespaces in which the
	// caller has a permission, and called again after the tenant was closed. "" means all namespaces; only Lists of
	// that tenant is used.
	Others func(namespace string) (Tenant, error) // nil: there are none
	// Buffers limits the buffers of all namespaces. nil: the limit is Options.BufferMemory.
	Buffers *bytebudget.Budget

	Clock         clock.PassiveClock
	Log           *slog.Logger
	Metrics       Metrics       // nil: no metrics
	SocketMetrics SocketMetrics // nil: no metrics
	Reviewer      Reviewer      // nil: no authentication
	Proxy         Proxy         // nil: requests do not come through the API server
	Tracer        Tracer        // nil: no traces
	TLS           *tls.Config   // nil: plain HTTP
}

// Server serves the REST interface. Start listens. Handler serves requests without listening.
type Server struct {
	options  Options
	clock    clock.PassiveClock
	log      *slog.Logger
	metrics  Metrics
	reviewer Reviewer // nil: no authentication
	proxy    Proxy    // nil: there is none
	tls      *tls.Config
	tokens   *crossorigin.Tokens // nil: no CSRF token is needed

	pages      *crossorigin.Policy
	rejections rejectionSampler
	router     *router
	// discovery holds the routes that the API server requests.
	discovery *router
	document  *apidocs.Document // of the served routes

	home   *namespaceHandler
	others *handlers

	ending        atomic.Bool // connections close after their next response
	admission     *limiter.InFlight
	unidentified  limiter.Unidentified
	memory        *limiter.Memory
	socketMetrics SocketMetrics
	sockets       *limiter.Sockets
	tracer        Tracer
	traced        http.Handler // responds to requests after their callers were identified, or not

	listening chan struct{}
	address   net.Addr // set before listening is closed
}

// New returns a Server, or an error that names the option that is not valid.
func New(o Options, d Dependencies) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := o.CheckReach(d.Reviewer != nil, d.TLS != nil); err != nil {
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
	parts := Parts{Limits: d.Limits != nil, Flows: d.Flows != nil}
	routes := servedRoutes(parts)
	s := &Server{
		options: o, clock: d.Clock, log: d.Log, metrics: d.Metrics, reviewer: d.Reviewer, proxy: d.Proxy, tls: d.TLS, tracer: d.Tracer,
		socketMetrics: d.SocketMetrics, sockets: limiter.NewSockets(o.Sockets.Most), admission: limiter.NewInFlight(o.MaxInFlight, o.MaxPerCaller),
		pages:        crossorigin.NewPolicy(&o.Options, d.Reviewer != nil),
		unidentified: limiter.NewUnidentified(o.MaxUnauthenticated, o.MaxUnauthenticatedPerAddress),
		router:       newRouter(o.BasePath, routes, absentFrom(parts.Flows)), discovery: newRouter("", discoveryRoutes(), absentParts), listening: make(chan struct{}), memory: limiter.NewMemory(o.BodyMemory), document: apidocs.NewDocument(apiVersion, describedRoutes(routes)),
	}
	if d.Buffers == nil {
		d.Buffers = bytebudget.New(o.BufferMemory)
	}
	s.others = newHandlers(s, d.Others, d.Buffers)
	if s.tls != nil && s.proxy != nil {
		s.tls = s.tls.Clone()
		s.tls.ClientAuth = tls.RequestClientCert // the proxy verifies the certificate
	}
	s.traced = s.tracer.Handler(http.HandlerFunc(s.respond))
	s.home = s.newHandler(d.Namespace, d.Tenant, newBuffers(s.clock, d.Buffers))
	var err error
	if o.CSRFProtection {
		s.tokens, err = crossorigin.NewTokens(o.CSRFKeyFile)
	}
	return s, err
}

// NeedLeaderElection returns false: every replica serves.
func (s *Server) NeedLeaderElection() bool { return false }

// Listening returns a channel that is closed when the server accepts connections at Addr.
func (s *Server) Listening() <-chan struct{} { return s.listening }

// Addr returns the address of the server. It is set when Listening is closed.
func (s *Server) Addr() net.Addr {
	<-s.listening
	return s.address
}

// endingTime is longer than the pause of a busy client between two requests.
const endingTime = 500 * time.Millisecond

// Start listens and serves until the context ends. Then it waits for the requests in flight, at most
// Options.ShutdownTimeout. A Server can be started once.
func (s *Server) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.BindAddress)
	if err != nil {
		return fmt.Errorf("--rest-bind-address: %w", err)
	}
	server := s.httpServer(ctx)
	s.address = listener.Addr()
	if s.reviewer != nil {
		listener = s.unidentified.Listen(listener)
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

// shutDown closes the websockets and waits for the requests in flight. Requests that do not end in time are interrupted
// and logged. That is not an error.
func (s *Server) shutDown(ctx context.Context, server *http.Server) error {
	bounded, cancel := context.WithTimeout(ctx, s.options.ShutdownTimeout)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.CloseSockets(bounded) }()
	s.lastResponses(bounded)
	err := errors.Join(server.Shutdown(bounded), <-closed)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "REST requests interrupted at the end of the shutdown time",
			slog.Duration("timeout", s.options.ShutdownTimeout))
		return server.Close()
	}
	return err
}

// lastResponses makes clients close their connections: each response has the header Connection: close. If the server
// closed an idle connection instead, a request could be lost, and clients must not retry a POST by themselves.
func (s *Server) lastResponses(ctx context.Context) {
	s.ending.Store(true)
	timer := time.NewTimer(endingTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// CloseSockets closes all websockets with a code after which clients reconnect to any replica, and accepts no more. It
// waits until they are closed and the received events are recorded, or until the context ends. Start calls it.
func (s *Server) CloseSockets(ctx context.Context) error { return s.sockets.Close(ctx) }

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
		// The end of the program does not cancel requests in flight.
		ConnContext: limiter.WithConnection,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}

// scheme returns the scheme of the URL of the server.
func (s *Server) scheme() string {
	if s.tls != nil {
		return "https"
	}
	return "http"
}

// now returns the time with the precision of the wire format.
func (s *Server) now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }
