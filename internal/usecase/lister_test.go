package usecase_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// oneFlowRun is a snapshot of a flow with one flow run, which is a subflow.
type oneFlowRun struct {
	flow flowrun.Flow
	run  flowrun.Run
	err  error // of Snapshot
}

func (s *oneFlowRun) Snapshot(context.Context) (flowrun.Snapshot, error) { return s, s.err }

func (s *oneFlowRun) Flows() iter.Seq[*flowrun.Flow] { return slices.Values([]*flowrun.Flow{&s.flow}) }

func (s *oneFlowRun) Flow(id string) *flowrun.Flow {
	if id != s.flow.ID {
		return nil
	}
	return &s.flow
}

func (s *oneFlowRun) Runs() iter.Seq[*flowrun.Run] { return slices.Values([]*flowrun.Run{&s.run}) }

func (s *oneFlowRun) Run(id string) *flowrun.Run {
	if id != s.run.ID {
		return nil
	}
	return &s.run
}

func (s *oneFlowRun) RunsOf(string) iter.Seq[*flowrun.Run] { return s.Runs() }

func (s *oneFlowRun) Subflow(string) *flowrun.Run { return &s.run }

func (s *oneFlowRun) Subflows(string) iter.Seq[*flowrun.Run] { return s.Runs() }

func flowNamed(name string) flowrun.Filters {
	return flowrun.Filters{Flows: &flowrun.FlowFilter{Name: &taskrun.NameFilter{Any: []string{name}}}}
}

func TestJoin_selectsTaskRunsByTheirFlowRun(t *testing.T) {
	t.Parallel()
	store := memory.New()
	for name, flowRun := range map[string]string{"a": "stored", "b": "gone", "c": "", "d": "stored"} {
		put(t, store, taskrun.Run{ID: name, Name: name, FlowRunID: flowRun}, orchestration.Progress{State: inState(orchestration.Pending, "Pending")})
	}
	flows := &oneFlowRun{flow: flowrun.Flow{ID: "flow", Name: "etl"}, run: flowrun.Run{ID: "stored", FlowID: "flow", ParentTaskRunID: "b"}}
	ids := func(ids ...string) flowrun.Filters {
		return flowrun.Filters{Runs: &flowrun.RunFilter{ID: &flowrun.ListFilter[string]{Any: ids}}}
	}
	placeholder := func(is bool) taskrun.Filter {
		return taskrun.Filter{Subflows: &taskrun.SubflowFilter{Exists: &is}}
	}
	tests := map[string]struct {
		filter  taskrun.Filter
		parents flowrun.Filters
		without bool // without a store of flow runs
		want    string
	}{
		"no filter":                           {want: "a b c d"},
		"the name of the flow":                {parents: flowNamed("etl"), want: "a d"},
		"another name":                        {parents: flowNamed("other")},
		"any flow run that is stored":         {parents: flowrun.Filters{Runs: &flowrun.RunFilter{}}, want: "a d"},
		"the id of a flow run, stored or not": {parents: ids("stored", "gone"), want: "a b d"},
		"subflows of the flow run of b":       {parents: flowrun.Filters{Runs: &flowrun.RunFilter{ParentFlowRunID: &flowrun.AnyFilter{Any: []string{"gone"}}}}, want: "a d"},
		"placeholders":                        {filter: placeholder(true), want: "b"},
		"no placeholders":                     {filter: placeholder(false), want: "a c d"},
		"without a store, any flow run":       {parents: flowrun.Filters{Runs: &flowrun.RunFilter{}}, without: true, want: "a b d"},
		"without a store, a name is unknown":  {parents: flowNamed("etl"), without: true},
		"without a store, the id":             {parents: ids("gone"), without: true, want: "b"},
		"without a store, placeholders":       {filter: placeholder(true), without: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, clock := newService(store)
			lister := usecase.NewLister(store, clock)
			if !tt.without {
				lister = lister.WithFlows(flows)
			}
			if err := lister.Join(t.Context(), &tt.filter, tt.parents); err != nil {
				t.Fatal(err)
			}
			page, err := lister.Query(t.Context(), taskrun.Query{Filter: tt.filter, Sort: taskrun.SortNameAsc, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, run := range page.Runs {
				names = append(names, run.Name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("runs %q match, want %q", got, tt.want)
			}
		})
	}
}

func TestJoin_failsWithTheStoreOfFlowRuns(t *testing.T) {
	t.Parallel()
	store := memory.New()
	_, clock := newService(store)
	lister := usecase.NewLister(store, clock).WithFlows(&oneFlowRun{err: taskrun.ErrUnavailable})
	var f taskrun.Filter
	if err := lister.Join(t.Context(), &f, flowNamed("etl")); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("Join: %v, want %v", err, taskrun.ErrUnavailable)
	}
	if err := lister.Join(t.Context(), &f, flowrun.Filters{}); err != nil {
		t.Errorf("a filter that asks for no flow runs fails: %v", err)
	}
}
