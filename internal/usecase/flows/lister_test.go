package flows_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

func named(name string) func(*flowrun.NewRun) {
	return func(in *flowrun.NewRun) { in.Run.Name = name }
}

func names(page flowrun.Page) string {
	var list []string
	for _, run := range page.Runs {
		list = append(list, run.Name)
	}
	return strings.Join(list, " ")
}

func TestQuery_joinsTaskRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, named("parent"), inState(orchestration.Running))
	placeholder := f.mustCreateTask(t, parent.ID, "1")
	child := f.mustCreate(t, named("child"), withParent(placeholder.ID))
	f.mustCreate(t, named("other"))
	for name, tc := range map[string]struct {
		filters flowrun.Filters
		want    string
	}{
		"all":                       {flowrun.Filters{}, "child other parent"},
		"with a task run":           {flowrun.Filters{TaskRuns: &taskrun.Filter{}}, "parent"},
		"with this task run":        {flowrun.Filters{TaskRuns: &taskrun.Filter{ID: &taskrun.IDFilter{Any: []string{unknownID}}}}, ""},
		"subflows of a run":         {flowrun.Filters{Runs: &flowrun.RunFilter{ParentFlowRunID: &flowrun.AnyFilter{Any: []string{parent.ID}}}}, "child"},
		"behind a task run":         {flowrun.Filters{Runs: &flowrun.RunFilter{ParentTaskRunID: &flowrun.NullableFilter{Any: []string{placeholder.ID}}}}, "child"},
		"with a task run in a flow": {flowrun.Filters{TaskRuns: &taskrun.Filter{}, Flows: &flowrun.FlowFilter{ID: &flowrun.ListFilter[string]{Any: []string{unknownID}}}}, ""},
	} {
		page, err := f.Query(t.Context(), flowrun.Query{Filters: tc.filters, Sort: flowrun.SortNameAsc, Limit: 10, Counted: true})
		if got := names(page); got != tc.want || err != nil || page.Total != len(page.Runs) {
			t.Errorf("%s: %q, %d in all, error %v, want %q", name, got, page.Total, err, tc.want)
		}
		if n, err := f.Count(t.Context(), tc.filters); n != len(page.Runs) || err != nil {
			t.Errorf("%s: Count() = %d, error %v, want %d", name, n, err, len(page.Runs))
		}
	}
	if err := f.tasks.Delete(t.Context(), placeholder.ID); err != nil {
		t.Fatal(err)
	}
	page, err := f.Query(t.Context(), flowrun.Query{Sort: flowrun.SortNameAsc, Limit: 1})
	if err != nil || page.Runs[0].ID != child.ID || page.Runs[0].ParentTaskRunID != "" {
		t.Errorf("after the placeholder was deleted: %+v, error %v, want a run without a parent", page.Runs, err)
	}
}

// partStore is a store whose snapshots lack the parameters of all runs.
type partStore struct {
	*memory.Flows

	load func(run *flowrun.Run) (*flowrun.Run, error)
}

func (s partStore) Snapshot(ctx context.Context) (flowrun.Snapshot, error) {
	snapshot, err := s.Flows.Snapshot(ctx)
	return partSnapshot{snapshot}, err
}

func (s partStore) Load(_ context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	return s.load(run)
}

type partSnapshot struct{ flowrun.Snapshot }

func (s partSnapshot) Runs() iter.Seq[*flowrun.Run] {
	return func(yield func(*flowrun.Run) bool) {
		for run := range s.Snapshot.Runs() {
			unloaded := *run
			unloaded.Parameters, unloaded.Unloaded.Parameters = nil, "elsewhere"
			if !yield(&unloaded) {
				return
			}
		}
	}
}

func TestQuery_loadsParts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := f.mustCreate(t, named("a"))
	failed := errors.New("failed")
	for name, tc := range map[string]struct {
		err  error // of Load
		want []string
		fail error
	}{
		"a part":                     {nil, []string{`{"loaded":true}`}, nil},
		"a part that was replaced":   {taskrun.ErrConflict, []string{string(want.Parameters)}, nil},
		"a part of a deleted run":    {taskrun.ErrNotFound, []string{}, nil},
		"a part that cannot be read": {failed, nil, failed},
	} {
		o := f.Options
		o.Store = partStore{f.store, func(run *flowrun.Run) (*flowrun.Run, error) {
			loaded := *run
			loaded.Parameters, loaded.Unloaded = []byte(`{"loaded":true}`), flowrun.Parts{}
			return &loaded, tc.err
		}}
		service := flows.New(o)
		page, err := service.Query(t.Context(), flowrun.Query{Limit: 10, Sort: flowrun.SortNameAsc})
		if !errors.Is(err, tc.fail) {
			t.Errorf("%s: error %v, want %v", name, err, tc.fail)
			continue
		}
		got := []string{}
		for _, run := range page.Runs {
			got = append(got, string(run.Parameters))
		}
		if tc.fail == nil && !slices.Equal(got, tc.want) {
			t.Errorf("%s: parameters %q, want %q", name, got, tc.want)
		}
	}
}

func TestQueryFlows_leavesFlowsWithMatchingRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if _, _, err := f.CreateFlow(t.Context(), flowrun.NewFlow{Name: "unused"}); err != nil {
		t.Fatal(err)
	}
	f.mustCreateTask(t, f.mustCreate(t, inState(orchestration.Running)).ID, "1")
	for name, tc := range map[string]struct {
		filters flowrun.Filters
		want    []string
	}{
		"all":             {flowrun.Filters{}, []string{"etl", "unused"}},
		"with a run":      {flowrun.Filters{Runs: &flowrun.RunFilter{}}, []string{"etl"}},
		"with a task run": {flowrun.Filters{TaskRuns: &taskrun.Filter{}}, []string{"etl"}},
	} {
		page, err := f.QueryFlows(t.Context(), flowrun.FlowQuery{Filters: tc.filters, Sort: flowrun.FlowSortNameAsc, Limit: 10})
		var got []string
		for _, flow := range page.Flows {
			got = append(got, flow.Name)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", name, err, diff)
		}
		if n, err := f.CountFlows(t.Context(), tc.filters); n != len(tc.want) || err != nil {
			t.Errorf("%s: CountFlows() = %d, error %v, want %d", name, n, err, len(tc.want))
		}
	}
}

func TestHistoryAndLateness_areOfNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if mean, err := f.Lateness(t.Context(), flowrun.Filters{}); mean != nil || err != nil {
		t.Errorf("Lateness() of no run = %v, error %v, want nil", mean, err)
	}
	f.mustCreate(t, inState(orchestration.Scheduled))
	f.clock.Step(10 * time.Second)
	if mean, err := f.Lateness(t.Context(), flowrun.Filters{}); err != nil || mean == nil || *mean != 10 {
		t.Errorf("Lateness() = %v, error %v, want 10 s", mean, err)
	}
	window := taskrun.Window{Start: start, End: start.Add(time.Minute), Interval: 30 * taskrun.MinHistoryInterval}
	bins, err := f.History(t.Context(), flowrun.HistoryQuery{Window: window})
	if err != nil || len(bins) != 2 || bins[0].States[0].Count != 1 || bins[0].States[0].Lateness.Float() != 10 || len(bins[1].States) != 0 {
		t.Errorf("History() = %+v, error %v, want one run, late by 10 s, in the first bin", bins, err)
	}
	window.Interval = 1
	_, err = f.History(t.Context(), flowrun.HistoryQuery{Window: window})
	if invalid, ok := errors.AsType[*taskrun.InvalidError](err); !ok {
		t.Errorf("History() by microseconds: error %v, want %T", err, invalid)
	}
}

func TestReads_failWithStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.store.Break(taskrun.ErrUnavailable)
	for name, err := range map[string]error{
		"Query": second(f.Query(t.Context(), flowrun.Query{})), "Count": second(f.Count(t.Context(), flowrun.Filters{})),
		"History": second(f.History(t.Context(), flowrun.HistoryQuery{})), "Lateness": second(f.Lateness(t.Context(), flowrun.Filters{})),
		"QueryFlows": second(f.QueryFlows(t.Context(), flowrun.FlowQuery{})), "CountFlows": second(f.CountFlows(t.Context(), flowrun.Filters{})),
		"BulkDelete": second(f.BulkDelete(t.Context(), flowrun.Query{})), "BulkDeleteFlows": second(f.BulkDeleteFlows(t.Context(), flowrun.FlowQuery{})),
		"BulkSetState": second(f.BulkSetState(t.Context(), flowrun.Query{}, taskrun.Proposal{})),
	} {
		if !errors.Is(err, taskrun.ErrUnavailable) {
			t.Errorf("%s: error %v, want ErrUnavailable", name, err)
		}
	}
}

func TestBulkDelete_deletesWhatIsSelected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var ids []string
	for i := range 5 {
		ids = append(ids, f.mustCreate(t, named(strconv.Itoa(i))).ID)
	}
	selected := flowrun.Query{
		Filters: flowrun.Filters{Runs: &flowrun.RunFilter{ID: &flowrun.ListFilter[string]{Any: append(ids[:3:3], unknownID)}}},
		Sort:    flowrun.SortIDDesc, Limit: 2,
	}
	deleted, err := f.BulkDelete(t.Context(), selected)
	want := slices.Sorted(slices.Values(ids[:3]))[1:]
	slices.Reverse(want)
	if diff := cmp.Diff(want, deleted); diff != "" || err != nil {
		t.Errorf("deleted, error %v (-want +got):\n%s", err, diff)
	}
	if deleted, err = f.BulkDeleteFlows(t.Context(), flowrun.FlowQuery{Limit: 50, Sort: flowrun.FlowSortNameAsc}); err != nil || !slices.Equal(deleted, []string{f.flow.ID}) {
		t.Errorf("flows %v, error %v, want the flow", deleted, err)
	}
	if n, err := f.Count(t.Context(), flowrun.Filters{}); n != 0 || err != nil {
		t.Errorf("%d runs are left, error %v, want none", n, err)
	}
}

func TestBulkDelete_endsAtFirstError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(t)
	f.TaskRuns = &taskRunsThatFail{TaskRuns: f.TaskRuns, err: taskrun.ErrUnavailable}
	if deleted, err := f.BulkDelete(t.Context(), flowrun.Query{Limit: 50}); len(deleted) != 0 || !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("deleted %v, error %v, want ErrUnavailable", deleted, err)
	}
}

func TestBulkSetState_hasOutcomeForEachRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(t, named("a"), inState(orchestration.Running))
	f.mustCreate(t, named("b"), inState(orchestration.Completed))
	f.mustCreate(t, named("c"), inState(orchestration.Running))
	f.faulty(noFault, notDone)
	outcomes, err := f.BulkSetState(t.Context(), flowrun.Query{Sort: flowrun.SortNameAsc, Limit: 50}, proposal(orchestration.Cancelling))
	if err != nil || len(outcomes) != 3 {
		t.Fatalf("outcomes %v, error %v, want 3", outcomes, err)
	}
	var got []string
	for _, outcome := range outcomes {
		got = append(got, fmt.Sprint(outcome.Run.Name, " ", outcome.Status, " ", outcome.State != nil, " ", outcome.Reason))
	}
	want := []string{"a ACCEPT true ", "b ABORT true Run is already in terminal state COMPLETED.", "c ABORT false store unavailable"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}
