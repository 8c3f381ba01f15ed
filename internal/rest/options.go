package rest

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/crossorigin"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// Options configure the server.
type Options struct {
	BindAddress    string // host:port; port 0 selects a free port
	BasePath       string // prefix of every path; "": no prefix
	PrefectVersion string // version of the Prefect server that clients see in /admin/version

	crossorigin.Options

	MaxInFlight  int // requests in flight, without websockets; further ones are rejected
	MaxPerCaller int // requests in flight per named caller

	// MaxUnauthenticated is the maximum number of connections, of requests and of websockets of unidentified callers, and
	// MaxUnauthenticatedPerAddress the maximum number of each for one address.
	MaxUnauthenticated           int
	MaxUnauthenticatedPerAddress int

	MaxBodyBytes   int64 // of a request; larger ones are rejected
	MaxBodyValues  int   // JSON values in the body of a request; twice as many for log lines
	BodyMemory     int64 // for bodies, frames and responses, in bytes
	BufferMemory   int64 // for recent log lines, events and changes of all namespaces, in bytes
	MaxHeaderBytes int   // of a request, its first line included

	HeaderTimeout   time.Duration // for the headers of a request to arrive
	ReadTimeout     time.Duration // for a whole request to arrive
	RequestTimeout  time.Duration // for the use case of a request
	WriteTimeout    time.Duration // from the end of the headers to the end of the resp
	IdleTimeout     time.Duration // between two requests of a connection
	ShutdownTimeout time.Duration // for requests in flight when the server stops

	Sockets SocketOptions
}

// DefaultOptions returns the defaults of the flags.
func DefaultOptions() Options {
	return Options{
		BindAddress:    "127.0.0.1:4200",
		BasePath:       "/api",
		PrefectVersion: "3.9.1",
		MaxInFlight:    1000,
		MaxPerCaller:   200,

		MaxUnauthenticated:           256,
		MaxUnauthenticatedPerAddress: 64,

		MaxBodyBytes:    1 << 20,
		MaxBodyValues:   100_000,
		BodyMemory:      240 << 20,
		BufferMemory:    bytebudget.DefaultBytes,
		MaxHeaderBytes:  20 << 10,
		HeaderTimeout:   5 * time.Second,
		ReadTimeout:     30 * time.Second,
		RequestTimeout:  30 * time.Second,
		WriteTimeout:    90 * time.Second,
		IdleTimeout:     120 * time.Second,
		ShutdownTimeout: 20 * time.Second,
		Sockets:         defaultSocketOptions(),
	}
}

// BindFlags defines a flag for each option. The current values are the defaults.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.BindAddress, "rest-bind-address", o.BindAddress, "address of the REST endpoint; an address other than loopback requires --authentication=kubernetes and TLS")
	fs.StringVar(&o.BasePath, "rest-base-path", o.BasePath, "prefix of the paths of the REST endpoint (empty = none)")
	fs.StringVar(&o.PrefectVersion, "rest-prefect-version", o.PrefectVersion,
		"version of Prefect that the REST endpoint reports; clients compare it with their own")
	o.Options.BindFlags(fs)
	fs.IntVar(&o.MaxInFlight, "max-requests-in-flight", o.MaxInFlight,
		"maximum number of requests in flight, except health, ready and hello; further requests get 503 with Retry-After")
	fs.IntVar(&o.MaxPerCaller, "max-requests-per-caller", o.MaxPerCaller,
		"maximum number of requests in flight per identified caller")
	fs.IntVar(&o.MaxUnauthenticated, "max-unauthenticated", o.MaxUnauthenticated,
		"maximum number of connections, of requests and of websockets of unidentified callers; at the limit, the oldest one of the address with the most is closed")
	fs.IntVar(&o.MaxUnauthenticatedPerAddress, "max-unauthenticated-per-address", o.MaxUnauthenticatedPerAddress,
		"maximum number of connections, of requests and of websockets of unidentified callers per client address (IPv6: per /64 network)")
	fs.Int64Var(&o.MaxBodyBytes, "rest-max-body-bytes", o.MaxBodyBytes, "maximum size of a request body in bytes; log lines and routes with few fields have limits of their own")
	fs.IntVar(&o.MaxBodyValues, "rest-max-body-values", o.MaxBodyValues,
		"maximum number of JSON values in a request body or an event; twice as many in log lines")
	fs.Int64Var(&o.BodyMemory, "rest-body-memory", o.BodyMemory,
		"memory for request bodies, events and responses in bytes, at least 16777216; one caller gets at most half of it; further requests get 503 with Retry-After")
	fs.Int64Var(&o.BufferMemory, "rest-buffer-memory", o.BufferMemory,
		"memory for recent log lines, events and state changes of all namespaces in bytes, at least 1048576; "+
			"at the limit, the namespace with the most loses its oldest ones")
	fs.IntVar(&o.MaxHeaderBytes, "rest-max-header-bytes", o.MaxHeaderBytes, "maximum size of the headers of a request in bytes")
	fs.DurationVar(&o.RequestTimeout, "rest-request-timeout", o.RequestTimeout, "maximum time to process a request")
	fs.DurationVar(&o.IdleTimeout, "rest-idle-timeout", o.IdleTimeout, "maximum time that a connection stays open between two requests")
	fs.DurationVar(&o.ShutdownTimeout, "rest-shutdown-timeout", o.ShutdownTimeout,
		"maximum time for requests in flight to finish when the operator stops")
	o.Sockets.bindFlags(fs)
}

// Validate returns an error that names the flags with invalid values.
func (o *Options) Validate() error {
	return errors.Join(
		checkHostPort("--rest-bind-address", o.BindAddress),
		checkBasePath("--rest-base-path", o.BasePath),
		checkVersion("--rest-prefect-version", o.PrefectVersion),
		o.Options.Validate(),
		checkPositive("--max-requests-in-flight", o.MaxInFlight),
		checkPositive("--max-requests-per-caller", o.MaxPerCaller),
		checkPositive("--max-unauthenticated", o.MaxUnauthenticated),
		checkPositive("--max-unauthenticated-per-address", o.MaxUnauthenticatedPerAddress),
		checkPositive("--rest-max-body-bytes", o.MaxBodyBytes),
		checkPositive("--rest-max-body-values", o.MaxBodyValues),
		checkAtLeast("--rest-body-memory", o.BodyMemory, minBodyMemory),
		checkAtLeast("--rest-buffer-memory", o.BufferMemory, minBufferMemory),
		checkPositive("--rest-max-header-bytes", o.MaxHeaderBytes),
		checkPositive("--rest-request-timeout", o.RequestTimeout),
		checkPositive("--rest-idle-timeout", o.IdleTimeout),
		checkPositive("--rest-shutdown-timeout", o.ShutdownTimeout),
		o.Sockets.validate(),
	)
}

// minBufferMemory is the minimum with which event streams and logs are useful.
const minBufferMemory = 1 << 20

// minBodyMemory is the minimum for a few concurrent requests.
const minBodyMemory = 16 << 20

func checkAtLeast(name string, n, limit int64) error {
	if n < limit {
		return fmt.Errorf("%s must be at least %d", name, limit)
	}
	return nil
}

func checkHostPort(name, address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%s must be host:port: %w", name, err)
	}
	return nil
}

// CheckReach returns an error if other machines can reach the address, or all web pages the server, although callers are
// not authenticated or tokens are sent in plain text.
func (o *Options) CheckReach(authenticated, encrypted bool) error {
	if err := o.CheckAuthentication(authenticated); err != nil {
		return err
	}
	if err := checkHostPort("--rest-bind-address", o.BindAddress); err != nil {
		return nil //nolint:nilerr // Validate returns the error
	}
	switch {
	case crossorigin.IsLoopback(o.BindAddress):
		return nil
	case !authenticated:
		return fmt.Errorf("--rest-bind-address: other machines can reach %s, and requests are not authenticated: "+
			"use a loopback address such as 127.0.0.1:4200, or --authentication=kubernetes", o.BindAddress)
	case !encrypted:
		return fmt.Errorf("--rest-bind-address: other machines can reach %s, and tokens would be sent in plain text: "+
			"use a loopback address such as 127.0.0.1:4200, or set --tls-cert-file and --tls-private-key-file, or --tls-self-signed", o.BindAddress)
	default:
		return nil
	}
}

func checkBasePath(name, path string) error {
	if path != "" && (!strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/")) {
		return fmt.Errorf("%s must begin with / and not end with it, or be empty", name)
	}
	return nil
}

// checkVersion checks the major version: clients reject any other one.
func checkVersion(name, version string) error {
	if !strings.HasPrefix(version, "3.") {
		return fmt.Errorf("%s must be a version 3.x.y, not %q", name, version)
	}
	return nil
}

func checkPositive[N int | int64 | time.Duration](name string, n N) error {
	if n <= 0 {
		return fmt.Errorf("%s must be more than 0", name)
	}
	return nil
}

// SocketOptions configure the websockets.
type SocketOptions struct {
	Most            int           // maximum number of open websockets
	RecheckInterval time.Duration // between two checks of the caller and its permission

	ws.Options

	MaxEventBytes int64         // of an event frame, in bytes; a larger one is dropped
	MergeWindow   time.Duration // maximum time that an event waits for others of the same batch; 0: no wait
	RecordTimeout time.Duration // for recording events, with retries; then the socket ends
}

// defaultSocketOptions returns the values of Prefect, where it has them.
func defaultSocketOptions() SocketOptions {
	return SocketOptions{
		Most:            10_000,
		RecheckInterval: time.Minute,

		Options: ws.DefaultOptions(),

		MaxEventBytes: 1_500_000,
		MergeWindow:   10 * time.Millisecond,
		RecordTimeout: 30 * time.Second,
	}
}

func (o *SocketOptions) bindFlags(fs *flag.FlagSet) {
	fs.IntVar(&o.Most, "max-websockets", o.Most, "maximum number of open websockets; further ones get 503 with Retry-After")
	o.BindFlags(fs)
}

func (o *SocketOptions) validate() error {
	return errors.Join(
		checkPositive("--max-websockets", o.Most),
		o.Validate(),
	)
}
