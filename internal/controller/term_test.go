package controller

import (
	"context"
	"errors"
	"testing"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// fakeInformer is a cache with one informer, and counts the handlers of the informer.
type fakeInformer struct {
	cache.Cache
	cache.Informer

	handlers int
}

func (f *fakeInformer) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return f, nil
}

func (f *fakeInformer) AddEventHandlerWithOptions(
	toolscache.ResourceEventHandler, toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	f.handlers++
	return nil, nil //nolint:nilnil // a registration is only passed on
}

func (f *fakeInformer) RemoveEventHandler(toolscache.ResourceEventHandlerRegistration) error {
	f.handlers--
	return nil
}

func TestTerm_removesEventHandlersAtItsEnd(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	informers := &fakeInformer{}
	events := &termCache{Cache: informers}
	add := func() {
		informer, err := events.GetInformer(t.Context(), &v1alpha1.TaskRun{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := informer.AddEventHandlerWithOptions(nil, toolscache.HandlerOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	err := term{cache: events, inner: manager.RunnableFunc(func(context.Context) error {
		add()
		add()
		if informers.handlers != 2 {
			t.Errorf("%d handlers during the term, want 2", informers.handlers)
		}
		return broken
	})}.Start(t.Context())
	if !errors.Is(err, broken) || informers.handlers != 0 {
		t.Errorf("error = %v, want %v; %d handlers after the term, want none", err, broken, informers.handlers)
	}
	if add(); informers.handlers != 0 {
		t.Errorf("%d handlers that were added after the term, want none", informers.handlers)
	}
}
