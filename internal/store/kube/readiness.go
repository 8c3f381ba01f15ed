package kube

import (
	"context"
	"errors"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// probeTimeout limits the call that checks whether the API server responds.
	probeTimeout = 2 * time.Second
	// probeLife is the time for which the result of a probe is used, so that frequent
	// readiness checks do not cost the API server anything.
	probeLife = time.Second
)

// probe is the result of the latest call that checked the API server.
type probe struct {
	mu     sync.Mutex
	at     time.Time // zero: there was none
	result error
}

// ready returns nil if the index is complete and up to date, and the API server
// responds. Objects that are skipped because they cannot be decoded do not count: the
// owner of one object cannot take the program out of service.
func (c *Cluster) ready(ctx context.Context, namespace string) error {
	for _, check := range []func() error{c.complete, c.limits.complete, c.flows.complete, c.current} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.Requirement != nil {
		if err := c.Requirement(); err != nil {
			return err
		}
	}
	c.probe.mu.Lock()
	defer c.probe.mu.Unlock()
	if c.Clock == nil {
		return c.checkAPIServer(ctx, namespace)
	}
	if age := c.Clock.Now().Sub(c.probe.at); age < 0 || age >= probeLife {
		// Others use the result, too: it must not depend on the context of this caller.
		c.probe.result = c.checkAPIServer(context.WithoutCancel(ctx), namespace)
		c.probe.at = c.Clock.Now()
	}
	return c.probe.result
}

// current returns an error if the index is not up to date.
func (c *Cluster) current() error { return c.watches.stale() }

// checkAPIServer makes the cheapest call that needs the API server and its storage.
func (c *Cluster) checkAPIServer(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, min(probeTimeout, c.Timeout))
	defer cancel()
	// The object need not exist.
	key := client.ObjectKey{Namespace: namespace, Name: "readiness-probe"}
	err := c.translate(ctx, "checking the API server", c.Reader.Get(ctx, key, &v1alpha1.TaskRun{}))
	var undecodable *taskrun.UndecodableError
	if errors.Is(err, taskrun.ErrNotFound) || errors.As(err, &undecodable) {
		return nil
	}
	return err
}
