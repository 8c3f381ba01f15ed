package controller

import (
	"context"
	"errors"
	"sync"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// term runs a controller while this replica is the leader. Controllers of
// controller-runtime leave their event handlers on the informers when they end. term
// removes them, because the informers outlive it.
type term struct {
	inner   manager.Runnable
	cache   *termCache
	retries *retries // nil: none
}

// Start runs the controller until the context ends. Then it waits for the goroutines
// of the term.
func (t term) Start(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	err := t.inner.Start(inner)
	cancel()
	if t.retries != nil {
		t.retries.close()
	}
	return errors.Join(err, t.cache.close())
}

// termCache is a cache whose informers record the event handlers that are added to
// them.
type termCache struct {
	cache.Cache

	mu     sync.Mutex
	closed bool
	added  []handlerOf
}

// handlerOf is an event handler of an informer.
type handlerOf struct {
	informer     cache.Informer
	registration toolscache.ResourceEventHandlerRegistration
}

func (h handlerOf) remove() error { return h.informer.RemoveEventHandler(h.registration) }

// GetInformer returns the informer of the cache.
func (c *termCache) GetInformer(ctx context.Context, o client.Object, options ...cache.InformerGetOption) (cache.Informer, error) {
	informer, err := c.Cache.GetInformer(ctx, o, options...)
	if err != nil {
		return nil, err
	}
	return &termInformer{Informer: informer, cache: c}, nil
}

// close removes the handlers. One that is added later is removed at once.
func (c *termCache) close() error {
	c.mu.Lock()
	added := c.added
	c.closed, c.added = true, nil
	c.mu.Unlock()
	var failed []error
	for _, handler := range added {
		failed = append(failed, handler.remove())
	}
	return errors.Join(failed...)
}

func (c *termCache) add(handler handlerOf) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return handler.remove()
	}
	c.added = append(c.added, handler)
	return nil
}

// termInformer is an informer of a termCache.
type termInformer struct {
	cache.Informer

	cache *termCache
}

// AddEventHandlerWithOptions adds a handler until the cache is closed.
func (i *termInformer) AddEventHandlerWithOptions(
	handler toolscache.ResourceEventHandler, options toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	registration, err := i.Informer.AddEventHandlerWithOptions(handler, options)
	if err != nil {
		return nil, err
	}
	return registration, i.cache.add(handlerOf{i.Informer, registration})
}
