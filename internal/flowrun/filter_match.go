package flowrun

import (
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// predicate reports whether a run passes a criterion.
type predicate = func(*Run) bool

// Matcher compiles the filter. The result reports whether a run passes it. It allocates no
// memory, and several goroutines may call it at once. The filter must not change as long
// as it is used.
func (f *RunFilter) Matcher(joined Joined) func(*Run) bool {
	return taskrun.Join(f.Or, slices.Concat(f.identity(joined), f.times(), f.others()))
}

// identity returns the predicates of the members on ids and on the state, which are cheap
// and leave few runs.
func (f *RunFilter) identity(joined Joined) (all []predicate) {
	if f.ID != nil {
		match := f.ID.matcher()
		all = append(all, func(run *Run) bool { return match(run.ID, true) })
	}
	if f.State != nil {
		all = append(all, f.State.matcher())
	}
	if f.ParentTaskRunID != nil {
		match := f.ParentTaskRunID.matcher()
		all = append(all, func(run *Run) bool { return match(run.ParentTaskRunID, run.ParentTaskRunID != "") })
	}
	if f.ParentFlowRunID != nil {
		all = append(all, func(run *Run) bool {
			return f.ParentFlowRunID.Any == nil || run.ParentTaskRunID != "" && joined.placeholders.has(run.ParentTaskRunID)
		})
	}
	if f.DeploymentID != nil {
		match := f.DeploymentID.matcher()
		all = append(all, func(run *Run) bool { return match(run.DeploymentID, run.DeploymentID != "") })
	}
	return all
}

// times returns the predicates of the members on times.
func (f *RunFilter) times() (all []predicate) {
	if f.StartTime != nil {
		all = append(all, f.matchStartTime)
	}
	for _, member := range []struct {
		filter *taskrun.TimeFilter
		time   func(*Run) *time.Time
	}{
		{f.EndTime, func(run *Run) *time.Time { return run.EndTime }},
		{f.ExpectedStartTime, func(run *Run) *time.Time { return run.ExpectedStartTime }},
		{f.NextScheduledStartTime, func(run *Run) *time.Time { return run.NextScheduledStartTime }},
	} {
		if member.filter != nil {
			all = append(all, func(run *Run) bool { return member.filter.Match(member.time(run)) })
		}
	}
	return all
}

func (f *RunFilter) matchStartTime(run *Run) bool {
	span := taskrun.TimeFilter{Before: f.StartTime.Before, After: f.StartTime.After}
	missing := taskrun.TimeFilter{IsNull: f.StartTime.IsNull}
	return span.Match(run.startOrExpected()) && missing.Match(run.StartTime)
}

// startOrExpected returns the start time, else the expected one, else nil.
func (r *Run) startOrExpected() *time.Time {
	if r.StartTime != nil {
		return r.StartTime
	}
	return r.ExpectedStartTime
}

// others returns the predicates of the other members.
func (f *RunFilter) others() (all []predicate) {
	if f.IdempotencyKey != nil {
		match := f.IdempotencyKey.matcher()
		all = append(all, func(run *Run) bool { return matchText(match, run.IdempotencyKey) })
	}
	if f.FlowVersion != nil {
		match := (&ListFilter[string]{Any: f.FlowVersion.Any}).matcher()
		all = append(all, func(run *Run) bool { return matchText(match, run.FlowVersion) })
	}
	if f.WorkQueueName != nil {
		match := f.WorkQueueName.matcher()
		all = append(all, func(run *Run) bool { return matchText(match, run.WorkQueueName) })
	}
	if f.CreatedBy != nil {
		all = append(all, f.CreatedBy.matcher())
	}
	if f.Tags != nil {
		match := f.Tags.matcher()
		all = append(all, func(run *Run) bool { return match(run.Tags) })
	}
	if f.Name != nil {
		match := f.Name.Matcher()
		all = append(all, func(run *Run) bool { return match(run.Name) })
	}
	return all
}

func matchText(match func(text string, known bool) bool, text *string) bool {
	if text == nil {
		return match("", false)
	}
	return match(*text, true)
}

// matcher returns a function of a text, and of whether there is one.
func (f *ListFilter[T]) matcher() func(text string, known bool) bool {
	anyOf, noneOf := taskrun.NewTextSet(texts(f.Any)), taskrun.NewTextSet(texts(f.NotAny))
	wanted, unwanted := f.Any != nil, len(f.NotAny) > 0
	return func(text string, known bool) bool {
		return (!wanted || known && taskrun.Has(&anyOf, text)) && (!unwanted || known && !taskrun.Has(&noneOf, text))
	}
}

// texts returns the list as texts.
func texts[T ~string](list []T) []string {
	all := make([]string, len(list))
	for i, item := range list {
		all[i] = string(item)
	}
	return all
}

func (f *NullableFilter) matcher() func(text string, known bool) bool {
	wanted := taskrun.NewTextSet(f.Any)
	return func(text string, known bool) bool {
		var joined taskrun.Criteria
		joined.Add(f.Any != nil, known && taskrun.Has(&wanted, text))
		joined.Add(f.IsNull != nil, f.IsNull != nil && *f.IsNull == !known)
		return joined.Hold(f.Or)
	}
}

func (f *TagsFilter) matcher() func(tags []string) bool {
	var all []func([]string) bool
	if len(f.All) > 0 {
		all = append(all, func(tags []string) bool { return taskrun.ContainsAll(tags, f.All) })
	}
	if f.Any != nil {
		wanted := taskrun.NewTextSet(f.Any)
		all = append(all, func(tags []string) bool { return containsAny(tags, &wanted) })
	}
	if f.IsNull != nil {
		all = append(all, func(tags []string) bool { return *f.IsNull == (len(tags) == 0) })
	}
	return taskrun.Join(f.Or, all)
}

func containsAny(tags []string, wanted *taskrun.TextSet) bool {
	for _, tag := range tags {
		if taskrun.Has(wanted, tag) {
			return true
		}
	}
	return false
}

func (f *StateFilter) matcher() predicate {
	var all []predicate
	if f.Type != nil && f.Type.restricts() {
		match := f.Type.matcher()
		all = append(all, func(run *Run) bool { return run.State != nil && match(string(run.State.Type), true) })
	}
	if f.Name != nil && f.Name.restricts() {
		match := f.Name.matcher()
		all = append(all, func(run *Run) bool { return run.State != nil && match(run.State.Name, true) })
	}
	return taskrun.Join(f.Or, all)
}

// restricts reports whether the filter has one of its lists, and not both.
func (f *ListFilter[T]) restricts() bool { return f.Any != nil != (len(f.NotAny) > 0) }

func (f *CreatorFilter) matcher() predicate {
	ids, types := taskrun.NewTextSet(f.ID), taskrun.NewTextSet(f.Type)
	return func(run *Run) bool {
		by := run.CreatedBy
		var joined taskrun.Criteria
		joined.Add(f.ID != nil, by != nil && taskrun.Has(&ids, by.ID))
		joined.Add(f.Type != nil, by != nil && taskrun.Has(&types, by.Type))
		joined.Add(f.IsNull != nil, f.IsNull != nil && *f.IsNull == (by == nil))
		return joined.Hold(f.Or)
	}
}

// Matcher compiles the filter, as RunFilter.Matcher does.
func (f *FlowFilter) Matcher() func(*Flow) bool {
	var all []func(*Flow) bool
	if f.ID != nil {
		match := f.ID.matcher()
		all = append(all, func(flow *Flow) bool { return match(flow.ID, true) })
	}
	if f.Deployment != nil {
		matches := f.Deployment.IsNull == nil || *f.Deployment.IsNull
		all = append(all, func(*Flow) bool { return matches })
	}
	if f.Tags != nil {
		match := f.Tags.matcher()
		all = append(all, func(flow *Flow) bool { return match(flow.Tags) })
	}
	if f.Name != nil {
		match := f.Name.Matcher()
		all = append(all, func(flow *Flow) bool { return match(flow.Name) })
	}
	return taskrun.Join(f.Or, all)
}

// matcher compiles the filter for the id of a deployment.
func (f *DeploymentFilter) matcher() func(id string) bool {
	var all []func(string) bool
	if f.ID != nil {
		match := f.ID.matcher()
		all = append(all, func(id string) bool { return match(id, true) })
	}
	unknown := func(given bool, restricts func() bool) {
		if given {
			matches := !restricts()
			all = append(all, func(string) bool { return matches })
		}
	}
	unknown(f.Name != nil, func() bool { return restrictsName(f.Name) })
	unknown(f.FlowOrDeploymentName != nil, func() bool { return restrictsName(f.FlowOrDeploymentName) })
	unknown(f.Paused != nil, f.Paused.restricts)
	unknown(f.Tags != nil, f.Tags.restricts)
	unknown(f.WorkQueueName != nil, f.WorkQueueName.restricts)
	return taskrun.Join(f.Or, all)
}
