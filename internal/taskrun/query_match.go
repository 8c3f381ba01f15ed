package taskrun

import (
	"slices"
	"time"
)

// predicate reports whether a run passes a criterion.
type predicate = func(*Run) bool

// Matcher compiles the filter. The result reports whether a run passes it. It allocates
// no memory and is safe for concurrent use. The filter must not change while it is used.
func (f Filter) Matcher() func(*Run) bool {
	match := Join(f.Or, f.members())
	if f.Parents == nil {
		return match
	}
	parents := f.Parents.matcher()
	return func(run *Run) bool { return parents(run) && match(run) }
}

// members returns the predicates of the given members, cheap ones first. Parents is not
// among them, because it is required even with Or.
func (f *Filter) members() (all []predicate) {
	if f.Subflows != nil {
		all = append(all, f.Subflows.matcher())
	}
	if f.ID != nil {
		all = append(all, f.ID.matcher())
	}
	if f.FlowRunID != nil {
		all = append(all, f.FlowRunID.matcher())
	}
	if f.State != nil {
		all = append(all, f.State.matcher())
	}
	for _, member := range []struct {
		filter *TimeFilter
		time   func(*Run) *time.Time
	}{
		{f.StartTime, func(run *Run) *time.Time { return run.StartTime }},
		{f.EndTime, func(run *Run) *time.Time { return run.EndTime }},
		{f.ExpectedStartTime, func(run *Run) *time.Time { return run.ExpectedStartTime }},
	} {
		if member.filter != nil {
			all = append(all, func(run *Run) bool { return member.filter.Match(member.time(run)) })
		}
	}
	if f.Tags != nil {
		all = append(all, f.Tags.matcher())
	}
	if f.Name != nil {
		all = append(all, f.Name.matcher())
	}
	return all
}

// Join joins predicates of rows: with or, one that holds is enough, else all are required.
// Without predicates, every row passes. The result allocates no memory.
func Join[R any](or bool, all []func(R) bool) func(R) bool {
	switch {
	case len(all) == 0:
		return func(R) bool { return true }
	case len(all) == 1:
		return all[0]
	default:
		return func(row R) bool {
			for _, holds := range all {
				if holds(row) == or {
					return or
				}
			}
			return !or
		}
	}
}

func (f *SubflowFilter) matcher() predicate {
	return func(run *Run) bool {
		if f.Exists == nil {
			return true
		}
		_, is := f.Placeholders[run.ID]
		return is == *f.Exists
	}
}

func (f *IDFilter) matcher() predicate {
	if f.Any == nil {
		return Join[*Run](false, nil)
	}
	ids := NewTextSet(f.Any)
	return func(run *Run) bool { return Has(&ids, run.ID) }
}

func (f *NameFilter) matcher() predicate {
	match := f.Matcher()
	return func(run *Run) bool { return match(run.Name) }
}

// Matcher compiles the filter. The result reports whether a name passes it. It allocates
// no memory.
func (f *NameFilter) Matcher() func(name string) bool {
	var all []func(string) bool
	if f.Any != nil {
		names := NewTextSet(f.Any)
		all = append(all, func(name string) bool { return Has(&names, name) })
	}
	if f.Like != "" {
		all = append(all, func(name string) bool { return like(name, f.Like) })
	}
	return Join(false, all)
}

func (f *TagsFilter) matcher() predicate {
	var all []predicate
	if len(f.All) > 0 {
		all = append(all, func(run *Run) bool { return ContainsAll(run.Tags, f.All) })
	}
	if f.IsNull != nil {
		all = append(all, func(run *Run) bool { return *f.IsNull == (len(run.Tags) == 0) })
	}
	return Join(f.Or, all)
}

// ContainsAll reports whether all wanted tags are among the tags.
func ContainsAll(tags, wanted []string) bool {
	for _, tag := range wanted {
		if !slices.Contains(tags, tag) {
			return false
		}
	}
	return true
}

func (f *StateFilter) matcher() predicate {
	var all []predicate
	if f.Types != nil {
		all = append(all, func(run *Run) bool { return run.State != nil && slices.Contains(f.Types, run.State.Type) })
	}
	if f.Names != nil {
		names := NewTextSet(f.Names)
		all = append(all, func(run *Run) bool { return run.State != nil && Has(&names, run.State.Name) })
	}
	return Join(f.Or, all)
}

// Match reports whether the time, nil for none, passes the filter. A nil filter passes
// every time.
func (f *TimeFilter) Match(t *time.Time) bool {
	return f == nil || (f.Before == nil || (t != nil && !t.After(*f.Before))) &&
		(f.After == nil || (t != nil && !t.Before(*f.After))) &&
		(f.IsNull == nil || *f.IsNull == (t == nil))
}

func (f *FlowRunIDFilter) matcher() predicate {
	ids := NewTextSet(f.Any)
	return func(run *Run) bool {
		inFlow := run.FlowRunID != ""
		switch {
		case f.IsNull != nil && *f.IsNull:
			return !inFlow
		case f.Any != nil:
			return inFlow && Has(&ids, run.FlowRunID)
		default:
			return f.IsNull == nil || inFlow
		}
	}
}
