package taskrun

import (
	"slices"
	"time"
)

// Match reports whether the run passes the filter. For many runs, Matcher is
// faster.
func (f Filter) Match(run *Run) bool { return f.match(run, nil) }

// Matcher returns Match for many runs: long lists are looked up instead of
// being searched, and what was not given is not looked at. The filter must not
// change as long as it is used. Like Match, it takes no memory for a run, and it may be
// called from several goroutines at once.
func (f Filter) Matcher() func(*Run) bool {
	in := Sets{}
	f.eachList(in.Add)
	if f.Or {
		return func(run *Run) bool { return f.match(run, in) }
	}
	checks := f.checks(in)
	switch len(checks) {
	case 0:
		return func(*Run) bool { return true }
	case 1:
		return checks[0]
	}
	return func(run *Run) bool {
		for _, check := range checks {
			if !check(run) {
				return false
			}
		}
		return true
	}
}

// checks are the members that were given, the cheapest first.
func (f *Filter) checks(in Sets) (checks []func(*Run) bool) {
	add := func(given bool, check func(*Run) bool) {
		if given {
			checks = append(checks, check)
		}
	}
	add(f.Subflows != nil, func(*Run) bool { return f.Subflows.match() })
	add(f.ID != nil, func(run *Run) bool { return f.ID.match(run, in) })
	add(f.FlowRunID != nil, func(run *Run) bool { return f.FlowRunID.match(run, in) })
	add(f.State != nil, func(run *Run) bool { return f.State.match(run, in) })
	add(f.StartTime != nil, func(run *Run) bool { return f.StartTime.Match(run.StartTime) })
	add(f.EndTime != nil, func(run *Run) bool { return f.EndTime.Match(run.EndTime) })
	add(f.ExpectedStartTime != nil, func(run *Run) bool { return f.ExpectedStartTime.Match(run.ExpectedStartTime) })
	add(f.Tags != nil, func(run *Run) bool { return f.Tags.match(run) })
	add(f.Parents != nil, func(run *Run) bool { return f.Parents.match(run, in) })
	add(f.Name != nil, func(run *Run) bool { return f.Name.match(run, in) })
	return checks
}

// Sets hold the entries of long lists, by their first.
type Sets map[*string]map[string]struct{}

// longList is the length from which a list is better looked up than searched.
const longList = 8

// Add adds the set of a list that is long enough to gain from one.
func (s Sets) Add(list []string) {
	if len(list) < longList {
		return
	}
	set := make(map[string]struct{}, len(list))
	for _, entry := range list {
		set[entry] = struct{}{}
	}
	s[&list[0]] = set
}

// Has reports whether the text is in the list.
func Has[T string | []byte](in Sets, list []string, text T) bool {
	if len(in) > 0 && len(list) >= longList {
		_, found := in[&list[0]][string(text)]
		return found
	}
	for _, entry := range list { //nolint:modernize // slices.Contains would take memory for the text of bytes
		if entry == string(text) {
			return true
		}
	}
	return false
}

// eachList visits the lists that runs are looked for in.
func (f *Filter) eachList(visit func([]string)) {
	if f.ID != nil {
		visit(f.ID.Any)
	}
	if f.Name != nil {
		visit(f.Name.Any)
	}
	if f.State != nil {
		visit(f.State.Names)
	}
	if f.FlowRunID != nil {
		visit(f.FlowRunID.Any)
	}
	if f.Parents == nil {
		return
	}
	for _, parent := range []*ParentCriteria{f.Parents.FlowRun, f.Parents.Flow, f.Parents.Deployment} {
		if parent == nil {
			continue
		}
		for i := range parent.Members {
			visit(parent.Members[i].Any)
			visit(parent.Members[i].NotAny)
		}
	}
}

func (f *Filter) match(run *Run, in Sets) bool {
	if f.Parents != nil && !f.Parents.match(run, in) {
		return false
	}
	if f.Or {
		return f.matchAny(run, in)
	}
	return f.matchWhat(run, in) && f.matchWhen(run)
}

func (f *Filter) matchWhat(run *Run, in Sets) bool {
	return f.Subflows.match() && f.ID.match(run, in) && f.FlowRunID.match(run, in) && f.State.match(run, in) &&
		f.Tags.match(run) && f.Name.match(run, in)
}

func (f *Filter) matchWhen(run *Run) bool {
	return f.StartTime.Match(run.StartTime) && f.EndTime.Match(run.EndTime) && f.ExpectedStartTime.Match(run.ExpectedStartTime)
}

func (f *Filter) matchAny(run *Run, in Sets) bool {
	var c Criteria
	c.Add(f.ID != nil, f.ID.match(run, in))
	c.Add(f.Name != nil, f.Name.match(run, in))
	c.Add(f.Tags != nil, f.Tags.match(run))
	c.Add(f.State != nil, f.State.match(run, in))
	c.Add(f.StartTime != nil, f.StartTime.Match(run.StartTime))
	c.Add(f.EndTime != nil, f.EndTime.Match(run.EndTime))
	c.Add(f.ExpectedStartTime != nil, f.ExpectedStartTime.Match(run.ExpectedStartTime))
	c.Add(f.Subflows != nil, f.Subflows.match())
	c.Add(f.FlowRunID != nil, f.FlowRunID.match(run, in))
	return c.Hold(true)
}

// Criteria counts those that were given, and those of them that hold.
type Criteria struct{ given, held int }

// Add adds a criterion: whether the filter has it, and whether it holds.
func (c *Criteria) Add(given, holds bool) {
	if given {
		c.given++
	}
	if given && holds {
		c.held++
	}
}

// Hold joins the criteria: one is enough with or, else all are needed. Without
// any, everything passes.
func (c *Criteria) Hold(or bool) bool {
	return c.held == c.given || (or && c.held > 0)
}

func (f *IDFilter) match(run *Run, in Sets) bool {
	return f == nil || f.Any == nil || Has(in, f.Any, run.ID)
}

func (f *NameFilter) match(run *Run, in Sets) bool {
	return f == nil || (f.Any == nil || Has(in, f.Any, run.Name)) && (f.Like == "" || like(run.Name, f.Like))
}

func (f *TagsFilter) match(run *Run) bool {
	if f == nil {
		return true
	}
	var c Criteria
	c.Add(len(f.All) > 0, containsAll(run.Tags, f.All))
	c.Add(f.IsNull != nil, f.IsNull != nil && *f.IsNull == (len(run.Tags) == 0))
	return c.Hold(f.Or)
}

func containsAll(tags, wanted []string) bool {
	for _, tag := range wanted {
		if !slices.Contains(tags, tag) {
			return false
		}
	}
	return true
}

func (f *StateFilter) match(run *Run, in Sets) bool {
	if f == nil {
		return true
	}
	var c Criteria
	c.Add(f.Types != nil, run.State != nil && slices.Contains(f.Types, run.State.Type))
	c.Add(f.Names != nil, run.State != nil && Has(in, f.Names, run.State.Name))
	return c.Hold(f.Or)
}

// Match reports whether the time, nil for none, passes the filter. A nil filter passes
// every time.
func (f *TimeFilter) Match(t *time.Time) bool {
	return f == nil || (f.Before == nil || (t != nil && !t.After(*f.Before))) &&
		(f.After == nil || (t != nil && !t.Before(*f.After))) &&
		(f.IsNull == nil || *f.IsNull == (t == nil))
}

func (f *SubflowFilter) match() bool {
	return f == nil || f.Exists == nil || !*f.Exists
}

func (f *FlowRunIDFilter) match(run *Run, in Sets) bool {
	if f == nil {
		return true
	}
	inFlow := run.FlowRunID != ""
	switch {
	case f.IsNull != nil && *f.IsNull:
		return !inFlow
	case f.Any != nil:
		return inFlow && Has(in, f.Any, run.FlowRunID)
	default:
		return f.IsNull == nil || inFlow
	}
}
