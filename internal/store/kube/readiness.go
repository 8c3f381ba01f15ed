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
	// probeTimeout bounds the call that finds out whether the API server answers.
	probeTimeout = 2 * time.Second
	// probeLife is how long what was found out stands, so that those who ask
	// often do not make the API server work.
	probeLife = time.Second
)

// probe is what the API server was found to be.
type probe struct {
	mu     sync.Mutex
	at     time.Time // zero: never asked
	answer error
}

// ready tells whether the view is complete, is kept up to date, and the API server
// answers. Objects that are skipped because they cannot be decoded do not count: no
// owner of one object can take the program out of service.
func (c *Cluster) ready(ctx context.Context, namespace string) error {
	for _, check := range []func() error{c.complete, c.limits.complete, c.current} {
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
		return c.ask(ctx, namespace)
	}
	if age := c.Clock.Now().Sub(c.probe.at); age < 0 || age >= probeLife {
		// The answer is for others too: it must not depend on who asks.
		c.probe.answer = c.ask(context.WithoutCancel(ctx), namespace)
		c.probe.at = c.Clock.Now()
	}
	return c.probe.answer
}

// current returns an error if the view is not kept up to date.
func (c *Cluster) current() error { return c.view.watches.stale(c.Clock) }

// ask makes the cheapest call that needs all of the API server and its storage.
func (c *Cluster) ask(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, min(probeTimeout, c.Timeout))
	defer cancel()
	// Whether there is an object of this name does not matter.
	key := client.ObjectKey{Namespace: namespace, Name: "readiness-probe"}
	err := c.translate(ctx, "asking the API server", c.Reader.Get(ctx, key, &v1alpha1.TaskRun{}))
	var undecodable *taskrun.UndecodableError
	if errors.Is(err, taskrun.ErrNotFound) || errors.As(err, &undecodable) {
		return nil
	}
	return err
}
