package controller

import (
	"errors"
	"flag"
	"time"
)

// Defaults and bounds of the options.
const (
	defaultConcurrency = 4
	defaultSettleTime  = 500 * time.Millisecond
	longestSettleTime  = time.Minute
	defaultSettleLimit = 30 * time.Second
	longestSettleLimit = 10 * time.Minute
	defaultProposalTTL = time.Hour
)

// Options say how the controller works.
type Options struct {
	// Concurrency is how many runs are worked on at once; at least 1.
	Concurrency int
	// SettleTime is how long a new run is left alone before its initial state
	// is written down, counted from its creation. A client that moves the run
	// within this time saves that write. 0 writes at once; at most a minute.
	SettleTime time.Duration
	// SettleLimit is the age until which a run that was made over REST gives way
	// to clients: its initial state is written down after the settle time if no
	// client writes just then, and at this age in any case. A longer one saves
	// more writes while clients keep writing, and leaves the status empty for
	// longer. 0 does not wait for clients; at most ten minutes.
	SettleLimit time.Duration
	// ProposalTTL is the lifetime of a StateProposal after its final verdict; 0
	// keeps it.
	ProposalTTL time.Duration
	// FinishedTTL is the lifetime of finished runs without a TTL of their own in
	// namespaces without the annotation taskrun.dev/finished-ttl; 0 keeps them.
	FinishedTTL time.Duration
}

// DefaultOptions returns the options that hold when no flag is given.
func DefaultOptions() Options {
	return Options{Concurrency: defaultConcurrency, SettleTime: defaultSettleTime, SettleLimit: defaultSettleLimit, ProposalTTL: defaultProposalTTL}
}

// BindFlags lets flags set the options; what they hold now is the default.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.IntVar(&o.Concurrency, "concurrent-reconciles", o.Concurrency,
		"maximum number of concurrent reconciliations of each controller")
	fs.DurationVar(&o.SettleTime, "settle-time", o.SettleTime,
		"delay after the creation of a TaskRun before its initial state is written to its status")
	fs.DurationVar(&o.SettleLimit, "settle-limit", o.SettleLimit,
		"maximum delay before the initial state of a TaskRun created over REST is written to its status while clients keep writing")
	fs.DurationVar(&o.ProposalTTL, "proposal-ttl", o.ProposalTTL,
		"lifetime of a StateProposal after its verdict (0 = no limit)")
	fs.DurationVar(&o.FinishedTTL, "finished-ttl", o.FinishedTTL,
		"lifetime of finished TaskRuns without ttlSecondsAfterFinished, in namespaces without the annotation taskrun.dev/finished-ttl (0 = no limit)")
}

// Validate tells what is wrong, naming the flag.
func (o *Options) Validate() error {
	if o.Concurrency < 1 {
		return errors.New("--concurrent-reconciles must be at least 1")
	}
	if o.SettleTime < 0 || o.SettleTime > longestSettleTime {
		return errors.New("--settle-time must be between 0s and 1m0s")
	}
	if o.SettleLimit < 0 || o.SettleLimit > longestSettleLimit {
		return errors.New("--settle-limit must be between 0s and 10m0s")
	}
	if o.ProposalTTL < 0 {
		return errors.New("--proposal-ttl must not be negative")
	}
	if o.FinishedTTL < 0 {
		return errors.New("--finished-ttl must not be negative")
	}
	return nil
}
