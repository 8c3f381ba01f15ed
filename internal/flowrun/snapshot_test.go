package flowrun

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// noon is the time of these tests.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) *time.Time { return new(noon.Add(time.Duration(seconds) * time.Second)) }

// fixed is a Snapshot of lists.
type fixed struct {
	flows map[string]*Flow
	runs  map[string]*Run
	list  []*Run
}

func snapshotOf(flows []*Flow, runs []*Run) *fixed {
	s := &fixed{flows: map[string]*Flow{}, runs: map[string]*Run{}, list: runs}
	for _, flow := range flows {
		s.flows[flow.ID] = flow
	}
	for _, run := range runs {
		s.runs[run.ID] = run
	}
	return s
}

func (s *fixed) Flows() iter.Seq[*Flow] { return maps.Values(s.flows) }

func (s *fixed) Flow(id string) *Flow { return s.flows[id] }

func (s *fixed) Runs() iter.Seq[*Run] { return slices.Values(s.list) }

func (s *fixed) Run(id string) *Run { return s.runs[id] }

func (s *fixed) RunsOf(flowID string) iter.Seq[*Run] {
	return func(yield func(*Run) bool) {
		for _, run := range s.runs {
			if run.FlowID == flowID && !yield(run) {
				return
			}
		}
	}
}

func (s *fixed) Subflow(taskRunID string) *Run {
	for run := range s.Subflows(taskRunID) {
		return run
	}
	return nil
}

func (s *fixed) Subflows(taskRunID string) iter.Seq[*Run] {
	return func(yield func(*Run) bool) {
		for _, run := range s.runs {
			if run.ParentTaskRunID == taskRunID && !yield(run) {
				return
			}
		}
	}
}

// taskRuns returns an EachTaskRun of a list.
func taskRuns(runs ...*taskrun.Run) EachTaskRun {
	return func(_ context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
		match := f.Matcher()
		for _, run := range runs {
			if match(run) {
				visit(run)
			}
		}
		return nil
	}
}

// state returns a state with its default name.
func state(t orchestration.StateType) *orchestration.State {
	return &orchestration.State{Type: t, Name: t.DefaultName(), Timestamp: noon}
}

// namesOf returns the names of the runs that match, sorted.
func namesOf(t *testing.T, f Filters, s Snapshot, each EachTaskRun) string {
	t.Helper()
	joined, err := f.Join(t.Context(), s, each)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for run := range f.Matching(s, joined) {
		names = append(names, run.Name)
	}
	slices.Sort(names)
	return strings.Join(names, "")
}

func taskRunsThatFail(err error) EachTaskRun {
	return func(context.Context, taskrun.Filter, func(*taskrun.Run)) error { return err }
}
