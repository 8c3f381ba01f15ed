package usecase_test

import (
	"context"
	"errors"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// faultyStore panics for one run.
type faultyStore struct {
	taskrun.Store

	at string
}

func (s faultyStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if run.ID == s.at {
		panic("a fault")
	}
	return s.Store.Create(ctx, run)
}

func TestRecord_panicRejectsEventsOfOneRun(t *testing.T) {
	t.Parallel()
	s, _ := newService(faultyStore{memory.New(), eventRun})
	before := panics.Count()
	var refused []string
	err := s.Record(t.Context(), []taskrun.Event{
		event(eventRun, 1, orchestration.Running), event(otherRun, 1, orchestration.Running),
	}, func(e taskrun.Event, err error) {
		if _, ok := errors.AsType[*panics.Error](err); !ok {
			t.Errorf("refused because of %v, want a PanicError", err)
		}
		refused = append(refused, e.RunID)
	})
	if err != nil || len(refused) != 1 || refused[0] != eventRun {
		t.Errorf("Record(): %v, refused %v, want only the events of the run", err, refused)
	}
	if _, err := s.Get(t.Context(), otherRun); err != nil {
		t.Errorf("the other run: %v", err)
	}
	if panics.Count() <= before {
		t.Error("the panic was not counted")
	}
}
