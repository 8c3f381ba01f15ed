package app

import (
	"context"
	"log/slog"

	kuberest "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/internal/controller"
	"github.com/taskrun-dev/taskrun-operator/internal/retention"
)

// newRetention adds a reader of the default TTLs to the manager.
func newRetention(
	config *kuberest.Config, mgr manager.Manager, options Options, log *slog.Logger, emitter events.EventRecorder,
) (*retention.Watcher, error) {
	rules, err := retention.New(config, mgr.GetHTTPClient(), retention.Options{
		Namespaces: options.Scope.Watch,
		Standard:   options.Controller.FinishedTTL,
		Log:        log,
		OnInvalid: func(i retention.Invalid) {
			controller.EmitInvalidFinishedTTL(emitter, i.Namespace, i.UID, i.Problem)
		},
	})
	if err != nil {
		return nil, err
	}
	return rules, mgr.Add(rules)
}

// both returns a check that passes if two checks pass.
func both(a, b func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := a(ctx); err != nil {
			return err
		}
		return b(ctx)
	}
}
