package controller

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// newController returns a controller for one term as the leader, which can be started
// once. The sources add the requests.
func newController(
	mgr ctrl.Manager, name string, r reconcile.Reconciler, o termOptions, sources ...source.Source,
) (manager.Runnable, error) {
	if o.trace != nil {
		r = o.trace(r)
	}
	options := controller.Options{
		Reconciler:              r,
		Logger:                  mgr.GetLogger(),
		MaxConcurrentReconciles: o.concurrency,
		ReconciliationTimeout:   callTimeout,
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
			minRetry, maxRetry),
		SkipNameValidation: new(true), // each term has a controller of that name
	}
	options.DefaultFromConfig(mgr.GetControllerOptions())
	inner, err := controller.NewUnmanaged(name, options)
	if err != nil {
		return nil, err
	}
	for _, requests := range sources {
		if err := inner.Watch(requests); err != nil {
			return nil, err
		}
	}
	return term{inner: whenReady{inner: inner, ready: o.ready}, cache: o.cache, retries: o.retries}, nil
}

// termOptions are what newController takes from both reconcilers.
type termOptions struct {
	cache       *termCache // of the sources
	retries     *retries   // nil: none
	concurrency int
	ready       func(context.Context) error
	trace       func(reconcile.Reconciler) reconcile.Reconciler
}
