package controller

import (
	"errors"
	"flag"
	"time"
)

// Defaults and limits of the options.
const (
	defaultConcurrency         = 4
	defaultStatusWriteDelay    = 500 * time.Millisecond
	limitStatusWriteDelay      = time.Minute
	defaultMaxStatusWriteDelay = 30 * time.Second
	limitMaxStatusWriteDelay   = 10 * time.Minute
	defaultProposalTTL         = time.Hour
)

// Options configure the controllers.
type Options struct {
	// Concurrency is the maximum number of concurrent reconciliations; at least 1.
	Concurrency int
	// StatusWriteDelay is the delay after the creation of a run before its initial state is
	// written to its status. A transition by a client within this time saves that
	// write. 0 writes at once; at most a minute.
	StatusWriteDelay time.Duration
	// MaxStatusWriteDelay is the age at which the initial state of a run that was created over
	// REST is written even if clients keep writing. Before that, the write waits for
	// idle clients. A longer limit saves more writes and leaves the status empty for
	// longer. 0 does not wait for clients; at most ten minutes.
	MaxStatusWriteDelay time.Duration
	// ProposalTTL is the lifetime of a StateProposal after its final verdict; 0
	// keeps it.
	ProposalTTL time.Duration
	// FinishedTTL is the lifetime of finished runs without a TTL of their own in
	// namespaces without the annotation taskrun.dev/finished-ttl; 0 keeps them.
	FinishedTTL time.Duration
}

// DefaultOptions returns the defaults of the flags.
func DefaultOptions() Options {
	return Options{Concurrency: defaultConcurrency, StatusWriteDelay: defaultStatusWriteDelay, MaxStatusWriteDelay: defaultMaxStatusWriteDelay, ProposalTTL: defaultProposalTTL}
}

// BindFlags defines a flag for each option. The present values are the defaults.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.IntVar(&o.Concurrency, "concurrent-reconciles", o.Concurrency,
		"maximum number of concurrent reconciliations of each controller")
	fs.DurationVar(&o.StatusWriteDelay, "status-write-delay", o.StatusWriteDelay,
		"delay after the creation of a TaskRun before its initial state is written to its status")
	fs.DurationVar(&o.MaxStatusWriteDelay, "max-status-write-delay", o.MaxStatusWriteDelay,
		"maximum delay before the initial state of a TaskRun created over REST is written to its status while clients keep writing")
	fs.DurationVar(&o.ProposalTTL, "proposal-ttl", o.ProposalTTL,
		"lifetime of a StateProposal after its verdict (0 = no limit)")
	fs.DurationVar(&o.FinishedTTL, "finished-ttl", o.FinishedTTL,
		"lifetime of finished TaskRuns without ttlSecondsAfterFinished, in namespaces without the annotation taskrun.dev/finished-ttl (0 = no limit)")
}

// Validate returns an error that names the flag if an option is out of its limits.
func (o *Options) Validate() error {
	if o.Concurrency < 1 {
		return errors.New("--concurrent-reconciles must be at least 1")
	}
	if o.StatusWriteDelay < 0 || o.StatusWriteDelay > limitStatusWriteDelay {
		return errors.New("--status-write-delay must be between 0s and 1m0s")
	}
	if o.MaxStatusWriteDelay < 0 || o.MaxStatusWriteDelay > limitMaxStatusWriteDelay {
		return errors.New("--max-status-write-delay must be between 0s and 10m0s")
	}
	if o.ProposalTTL < 0 {
		return errors.New("--proposal-ttl must not be negative")
	}
	if o.FinishedTTL < 0 {
		return errors.New("--finished-ttl must not be negative")
	}
	return nil
}
