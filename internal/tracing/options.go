package tracing

import (
	"errors"
	"flag"
	"fmt"
	"net"
)

// Options configure whether traces are sent, and where to.
type Options struct {
	Endpoint    string  // host:port of a collector for OTLP over gRPC; empty: no traces
	SampleRatio float64 // share of the traces that begin here, from 0 to 1
	Insecure    bool    // no TLS to the collector
}

// DefaultOptions returns the defaults of the flags: no traces.
func DefaultOptions() Options { return Options{SampleRatio: 0.1} }

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.Endpoint, "traces-endpoint", o.Endpoint,
		"host:port of a collector of traces by OTLP over gRPC (empty = no traces)")
	fs.Float64Var(&o.SampleRatio, "traces-sample-ratio", o.SampleRatio,
		"ratio of the sent traces to those that the operator starts, from 0 to 1; clients decide about the traces that they start")
	fs.BoolVar(&o.Insecure, "traces-insecure", o.Insecure, "send traces without TLS")
}

// Validate returns all invalid options, with the names of their flags.
func (o *Options) Validate() error {
	var faults []error
	if o.Endpoint != "" {
		if _, port, err := net.SplitHostPort(o.Endpoint); err != nil || port == "" {
			faults = append(faults, fmt.Errorf("--traces-endpoint must be host:port, such as collector.observability.svc:4317, not %q", o.Endpoint))
		}
	}
	if !(o.SampleRatio >= 0 && o.SampleRatio <= 1) { // also rejects NaN
		faults = append(faults, fmt.Errorf("--traces-sample-ratio must be from 0 to 1, not %v", o.SampleRatio))
	}
	return errors.Join(faults...)
}
