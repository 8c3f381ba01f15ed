package controller

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// setUp adds a controller to a manager. It watches every change of the objects of
// one kind, of status too: what REST writes changes no generation. others bring
// further requests.
func setUp[T client.Object](
	mgr ctrl.Manager, name string, kind T, r reconcile.Reconciler, o setUpOptions, others ...source.Source,
) error {
	if o.trace != nil {
		r = o.trace(r)
	}
	options := controller.Options{
		Reconciler:              r,
		Logger:                  mgr.GetLogger(),
		MaxConcurrentReconciles: o.concurrency,
		ReconciliationTimeout:   callTimeout,
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](
			firstRetry, lastRetry),
		SkipNameValidation: new(true), // tests start several programs in one process
	}
	options.DefaultFromConfig(mgr.GetControllerOptions())
	inner, err := controller.NewUnmanaged(name, options)
	if err != nil {
		return err
	}
	changes := source.Kind(mgr.GetCache(), kind, &handler.TypedEnqueueRequestForObject[T]{})
	for _, requests := range append([]source.Source{changes}, others...) {
		if err := inner.Watch(requests); err != nil {
			return err
		}
	}
	return mgr.Add(whenReady{inner: inner, ready: o.ready})
}

// setUpOptions are the fields of both reconcilers that setUp takes.
type setUpOptions struct {
	concurrency int
	ready       func(context.Context) error
	trace       func(reconcile.Reconciler) reconcile.Reconciler
}
