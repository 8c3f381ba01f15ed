package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/internal/controller"
)

// The timings of Kubernetes' own components. Two leaders, or none, are harmless:
// every write is a compare-and-swap.
const (
	leaseName     = "taskrun-operator.taskrun.dev"
	leaseDuration = 15 * time.Second // without a renewal, after which another replica takes over
	renewDeadline = 10 * time.Second // without a renewal, after which a leader stops
	retryPeriod   = 2 * time.Second
)

// newLeaderLock returns the Lease of the leader.
func newLeaderLock(config *rest.Config, namespace string) (resourcelock.Interface, error) {
	identity, err := newIdentity()
	if err != nil {
		return nil, err
	}
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace, leaseName,
		resourcelock.ResourceLockConfig{Identity: identity}, config, renewDeadline)
	if err != nil {
		return nil, fmt.Errorf("prepare the leader's Lease: %w", err)
	}
	return lock, nil
}

// election runs the leader's work on one of the replicas. A replica that loses the
// Lease stops this work only: it continues to serve REST, and takes part again.
type election struct {
	lock resourcelock.Interface // nil: this replica is always the leader
	work func() ([]manager.Runnable, error)
	log  logr.Logger
}

// addElection adds the election that the options configure.
func (a *App) addElection(config *rest.Config, mgr manager.Manager, work func() ([]manager.Runnable, error)) error {
	e := &election{work: work, log: mgr.GetLogger().WithName("leaderelection")}
	if a.options.Manager.LeaderElect {
		lock, err := newLeaderLock(config, a.options.Manager.leaseNamespace(a.options.Scope.Namespace))
		if err != nil {
			return err
		}
		e.lock = lock
	}
	return mgr.Add(e)
}

// Start participates in the election until the context ends or the work fails.
func (e *election) Start(ctx context.Context) error {
	if e.lock == nil {
		return e.lead(ctx)
	}
	terms := make(chan context.Context)
	elector, err := e.elector(terms)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(logr.NewContext(ctx, e.log))
	group.Go(func() error {
		for ctx.Err() == nil {
			elector.Run(ctx)
		}
		return nil
	})
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case term := <-terms:
				err := errors.Join(e.lead(term), forgetQueues(controller.Name, controller.FlowRunName, controller.ProposalName)) //nolint:contextcheck // a term is part of ctx
				if err != nil {
					return err
				}
			}
		}
	})
	return group.Wait()
}

// NeedLeaderElection returns false: every replica participates.
func (e *election) NeedLeaderElection() bool { return false }

// elector sends the context of each term. The context ends with the term.
func (e *election) elector(terms chan<- context.Context) (*leaderelection.LeaderElector, error) {
	return leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            e.lock,
		Name:            leaseName,
		LeaseDuration:   leaseDuration,
		RenewDeadline:   renewDeadline,
		RetryPeriod:     retryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(term context.Context) {
				select {
				case terms <- term:
				case <-term.Done():
				}
			},
			OnStoppedLeading: func() {}, // the context of the term has ended
		},
	})
}

// lead does the work of one term until the context ends.
func (e *election) lead(ctx context.Context) error {
	work, err := e.work()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range work {
		group.Go(func() error { return part.Start(ctx) })
	}
	return group.Wait()
}
