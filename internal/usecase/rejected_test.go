package usecase_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

func runID(n int) string { return fmt.Sprintf("0198a1b2-0000-7000-8000-%012d", n) }

// rejectingStore rejects every write of some runs.
type rejectingStore struct {
	*memory.Store
	cause taskrun.RejectionCause
	ids   []string
}

func (s *rejectingStore) rejection(id string) error {
	if slices.Contains(s.ids, id) {
		return taskrun.NewRejectedError(s.cause, "no")
	}
	return nil
}

func (s *rejectingStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if err := s.rejection(run.ID); err != nil {
		return nil, err
	}
	return s.Store.Create(ctx, run)
}

func (s *rejectingStore) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if err := s.rejection(run.ID); err != nil {
		return nil, err
	}
	return s.Store.UpdateProgress(ctx, run)
}

// Events of a run that its namespace rejects are rejected permanently; those of
// other runs are confirmed. If the operator lacks a permission, the events are
// retried.
func TestRecord_recordsEventsAfterRejectedOne(t *testing.T) {
	t.Parallel()
	cases := map[taskrun.RejectionCause]struct{ wantRetry bool }{
		taskrun.NamespaceMissing:     {},
		taskrun.NamespaceTerminating: {},
		taskrun.QuotaExceeded:        {},
		taskrun.AdmissionDenied:      {},
		taskrun.PermissionMissing:    {wantRetry: true},
	}
	for cause, tc := range cases {
		t.Run(string(cause), func(t *testing.T) {
			t.Parallel()
			clock := testingclock.NewFakeClock(start)
			store := &rejectingStore{Store: memory.NewWithClock(clock), cause: cause}
			s := usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock})
			known, rejected, other := event(runID(1), 1, orchestration.Pending), event(runID(2), 1, orchestration.Pending), event(runID(3), 1, orchestration.Pending)
			if err := s.Record(t.Context(), []taskrun.Event{known}, nil); err != nil {
				t.Fatal(err)
			}
			store.ids = []string{runID(1), runID(2)} // one that is updated, one that is created
			next := event(runID(1), 2, orchestration.Running)
			var refused []string
			err := s.Record(t.Context(), []taskrun.Event{next, rejected, other}, func(e taskrun.Event, why error) {
				if _, ok := errors.AsType[*taskrun.RejectedError](why); !ok {
					t.Errorf("refused because of %v, want a rejection", why)
				}
				refused = append(refused, e.RunID)
			})
			slices.Sort(refused)
			var want []string
			if !tc.wantRetry {
				want = []string{runID(1), runID(2)}
			}
			if diff := cmp.Diff(want, refused); diff != "" || (err != nil) != tc.wantRetry {
				t.Errorf("error %v, want one: %v; refused (-want +got):\n%s", err, tc.wantRetry, diff)
			}
			if _, err := store.Get(t.Context(), runID(3)); err != nil {
				t.Errorf("the run behind: %v", err)
			}
		})
	}
}
