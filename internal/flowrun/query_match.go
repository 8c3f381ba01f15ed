package flowrun

import (
	"context"
	"iter"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Joined is what the filters need to know of task runs. The zero Joined is enough for
// filters that name none.
type Joined struct {
	withTaskRuns idSet // of the runs with a task run that matches Filters.TaskRuns
	placeholders idSet // of the task runs of the flow runs in RunFilter.ParentFlowRunID
}

type idSet map[string]struct{}

func (s idSet) add(id string) { s[id] = struct{}{} }

func (s idSet) has(id string) bool { _, found := s[id]; return found }

// EachTaskRun calls visit for each task run that matches, in no order (taskrun.Lister).
type EachTaskRun func(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error

// Join reads what the filters need to know of task runs. Filters that name none read
// nothing.
func (f *Filters) Join(ctx context.Context, s Snapshot, each EachTaskRun) (joined Joined, err error) {
	if f.TaskRuns != nil {
		joined.withTaskRuns = idSet{}
		err = each(ctx, WithSubflows(*f.TaskRuns, s), func(run *taskrun.Run) {
			if run.FlowRunID != "" {
				joined.withTaskRuns.add(run.FlowRunID)
			}
		})
	}
	if err == nil && f.Runs != nil && f.Runs.ParentFlowRunID != nil && len(f.Runs.ParentFlowRunID.Any) > 0 {
		joined.placeholders = idSet{}
		of := taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: f.Runs.ParentFlowRunID.Any}}
		err = each(ctx, of, func(run *taskrun.Run) { joined.placeholders.add(run.ID) })
	}
	return joined, err
}

// WithSubflows returns the filter on task runs with the ids of the placeholders of the
// snapshot, if it asks for them.
func WithSubflows(f taskrun.Filter, s Snapshot) taskrun.Filter {
	if f.Subflows == nil || f.Subflows.Exists == nil {
		return f
	}
	subflows := *f.Subflows
	subflows.Placeholders = map[string]struct{}{}
	for run := range s.Runs() {
		if run.ParentTaskRunID != "" {
			subflows.Placeholders[run.ParentTaskRunID] = struct{}{}
		}
	}
	f.Subflows = &subflows
	return f
}

// Matching yields the runs of the snapshot that match, in no order.
func (f *Filters) Matching(s Snapshot, joined Joined) iter.Seq[*Run] {
	match := f.matcher(s, joined)
	return func(yield func(*Run) bool) {
		for run := range f.candidates(s) {
			if match(run) && !yield(run) {
				return
			}
		}
	}
}

// candidates yields the runs that can match. It looks up runs by their ids, and by the id
// of their flow.
func (f *Filters) candidates(s Snapshot) iter.Seq[*Run] {
	if f.Runs != nil && !f.Runs.Or && f.Runs.ID.hasList() {
		return runsWithIDs(s, taskrun.Distinct(f.Runs.ID.Any))
	}
	if f.Flows != nil && !f.Flows.Or && f.Flows.ID.hasList() {
		return runsOfFlows(s, taskrun.Distinct(f.Flows.ID.Any))
	}
	return s.Runs()
}

// hasList reports whether the filter names what it matches.
func (f *ListFilter[T]) hasList() bool { return f != nil && f.Any != nil }

func runsWithIDs(s Snapshot, ids []string) iter.Seq[*Run] {
	return func(yield func(*Run) bool) {
		for _, id := range ids {
			if run := s.Run(id); run != nil && !yield(run) {
				return
			}
		}
	}
}

func runsOfFlows(s Snapshot, ids []string) iter.Seq[*Run] {
	return func(yield func(*Run) bool) {
		for _, id := range ids {
			for run := range s.RunsOf(id) {
				if !yield(run) {
					return
				}
			}
		}
	}
}

// matcher compiles the filters for the runs of a snapshot. It allocates no memory per run.
func (f *Filters) matcher(s Snapshot, joined Joined) predicate {
	if f.WorkPools || f.WorkQueues {
		return func(*Run) bool { return false }
	}
	var all []predicate
	if f.Runs != nil {
		all = append(all, f.Runs.Matcher(joined))
	}
	if f.TaskRuns != nil {
		all = append(all, func(run *Run) bool { return joined.withTaskRuns.has(run.ID) })
	}
	if f.Deployments != nil {
		match := f.Deployments.matcher()
		all = append(all, func(run *Run) bool { return run.DeploymentID != "" && match(run.DeploymentID) })
	}
	if f.Flows != nil {
		match := f.Flows.Matcher()
		all = append(all, func(run *Run) bool {
			flow := s.Flow(run.FlowID)
			return flow != nil && match(flow)
		})
	}
	return taskrun.Join(false, all)
}

// MatchingFlows yields the flows of the snapshot that match, in no order. Deployments and
// work pools are not stored, so a filter on them matches no flow.
func (f *Filters) MatchingFlows(s Snapshot, joined Joined) iter.Seq[*Flow] {
	if f.Deployments != nil || f.WorkPools || f.WorkQueues {
		return func(func(*Flow) bool) {}
	}
	var all []func(*Flow) bool
	if f.Flows != nil {
		all = append(all, f.Flows.Matcher())
	}
	if ofRuns := (Filters{Runs: f.Runs, TaskRuns: f.TaskRuns}); ofRuns.Given() {
		withRun := idSet{}
		for run := range ofRuns.Matching(s, joined) {
			withRun.add(run.FlowID)
		}
		all = append(all, func(flow *Flow) bool { return withRun.has(flow.ID) })
	}
	match := taskrun.Join(false, all)
	return func(yield func(*Flow) bool) {
		for flow := range s.Flows() {
			if match(flow) && !yield(flow) {
				return
			}
		}
	}
}
