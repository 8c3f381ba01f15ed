package concurrency

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// noLimits is a store without limits.
type noLimits struct{ Store }

func (noLimits) List(context.Context) ([]*Limit, error) { return nil, nil }

// brokenStore panics.
type brokenStore struct{ Store }

func (brokenStore) List(context.Context) ([]*Limit, error) { panic("a fault") }

func TestChange_removesFinishedBatches(t *testing.T) {
	t.Parallel()
	s := New(Options{Store: noLimits{}, Clock: testingclock.NewFakePassiveClock(time.Unix(0, 0))})
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			if err := s.Reset(t.Context(), fmt.Sprint("tag:", i%100), nil); !errors.Is(err, taskrun.ErrNotFound) {
				t.Errorf("Reset(): %v, want not found", err)
			}
		})
	}
	all.Wait()
	// A writer checks for further requests after its last response. A change waits for this check.
	for i := range 100 {
		for name := fmt.Sprint("tag:", i); s.known(name); {
			_ = s.Reset(t.Context(), name, nil)
		}
	}
}

func (s *Service) known(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.batches[name] != nil
}

func TestChange_returnsPanicAsError(t *testing.T) {
	t.Parallel()
	s := New(Options{Store: brokenStore{}, Clock: testingclock.NewFakePassiveClock(time.Unix(0, 0))})
	before := panics.Count()
	err := s.change(t.Context(), "tag:a", func(*tx) error { return nil })
	if _, ok := errors.AsType[*panics.Error](err); !ok || panics.Count() <= before {
		t.Errorf("change(): %v with %d panics counted, want a PanicError", err, panics.Count()-before)
	}
}
