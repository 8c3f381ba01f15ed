package controller

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestWhenReady_startsControllerWhenStoreIsReady(t *testing.T) {
	t.Parallel()
	asked, started := 0, false
	w := whenReady{
		inner: manager.RunnableFunc(func(context.Context) error { started = true; return nil }),
		ready: func(context.Context) error {
			if asked++; asked < 3 {
				return taskrun.ErrUnavailable
			}
			return nil
		},
	}
	if err := w.Start(t.Context()); err != nil || !started || asked != 3 {
		t.Errorf("started %v after asking %d times, error %v, want a start after 3", started, asked, err)
	}
}

func TestWhenReady_stopsWhileStoreIsNotReady(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	w := whenReady{
		inner: manager.RunnableFunc(func(context.Context) error { t.Error("started without a store"); return nil }),
		ready: func(context.Context) error { cancel(); return taskrun.ErrUnavailable },
	}
	if err := w.Start(ctx); err != nil {
		t.Errorf("error = %v, want none", err)
	}
}
