package usecase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// undecodableStore has one run that cannot be decoded.
type undecodableStore struct {
	taskrun.Store
	id  string
	key taskrun.NaturalKey
}

var errUndecodable = &taskrun.UndecodableError{Kind: "TaskRun", Namespace: "default", Name: "broken", Field: "status", Reason: "odd"}

func (s *undecodableStore) Find(ctx context.Context, key taskrun.NaturalKey) (*taskrun.Run, error) {
	if key == s.key {
		return nil, errUndecodable
	}
	return s.Store.Find(ctx, key)
}

func (s *undecodableStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if run.ID == s.id {
		return nil, errUndecodable
	}
	return s.Store.Create(ctx, run)
}

// Events of a run that cannot be decoded are neither confirmed nor rejected: the
// client sends them again. Those of other runs are recorded.
func TestRecord_returnsErrorForUndecodableRun(t *testing.T) {
	t.Parallel()
	inFlow := func(e *taskrun.Event) { e.Patch.FlowRunID = taskrun.Set(eventFlow) }
	for name, edits := range map[string][]func(*taskrun.Event){"known by its id": nil, "known by its natural key": {inFlow}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := testingclock.NewFakeClock(start.Add(time.Minute))
			store := &undecodableStore{
				Store: memory.NewWithClock(clock), id: eventRun, key: taskrun.NaturalKey{FlowRunID: eventFlow, TaskKey: "k", DynamicKey: "d"},
			}
			s := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock})
			events := []taskrun.Event{event(eventRun, 1, orchestration.Running, edits...), event(otherRun, 1, orchestration.Running)}
			refused := func(e taskrun.Event, err error) { t.Errorf("%s is refused: %v", e.State.ID, err) }
			if err := s.Record(t.Context(), events, refused); !errors.Is(err, errUndecodable) {
				t.Errorf("Record() = %v, want %v", err, errUndecodable)
			}
			if run, err := s.Get(t.Context(), otherRun); err != nil || run.State.Type != orchestration.Running {
				t.Errorf("the other run is %v, error %v", run, err)
			}
			store.id, store.key = "", taskrun.NaturalKey{} // repaired
			if err := s.Record(t.Context(), events, refused); err != nil {
				t.Errorf("after the repair: %v", err)
			}
			if _, err := s.Get(t.Context(), eventRun); err != nil {
				t.Errorf("after the repair: %v", err)
			}
		})
	}
}
