package taskrun

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

const (
	oneID   = "0198a1b2-0000-7000-8000-000000000001"
	otherID = "0198a1b2-0000-7000-8000-000000000002"
	flowID  = "0198a1b2-0000-7000-8000-0000000000f1"
)

// matched is the run that the filters below are applied to.
func matched() *Run {
	run := &Run{ID: oneID, Name: "load-Users_7", FlowRunID: flowID, Tags: []string{"a", "b"}}
	run.State = &orchestration.State{Type: orchestration.Scheduled, Name: "AwaitingRetry"}
	run.ExpectedStartTime, run.StartTime, run.EndTime = at(-1), at(0), at(1)
	return run
}

// at returns a number of minutes after ten.
func at(minutes int) *time.Time {
	return new(time.Date(2026, time.August, 21, 10, minutes, 0, 0, time.UTC))
}

func neverStarted(r *Run) { r.StartTime = nil }

func TestFilterMatcher(t *testing.T) {
	t.Parallel()
	// A criterion that matches the run, and one that does not.
	yes, no := &IDFilter{Any: []string{oneID}}, &IDFilter{Any: []string{otherID}}
	cases := map[string]struct {
		filter Filter
		change func(*Run)
		want   bool
	}{
		"no filter matches":                             {want: true},
		"empty members match":                           {filter: Filter{ID: &IDFilter{}, Name: &NameFilter{}, Tags: &TagsFilter{}, State: &StateFilter{}, FlowRunID: &FlowRunIDFilter{}}, want: true},
		"all members must match":                        {filter: Filter{ID: yes, Name: &NameFilter{Any: []string{"other"}}}},
		"all members do match":                          {filter: Filter{ID: yes, Name: &NameFilter{Any: []string{"load-Users_7"}}}, want: true},
		"or: absent members do not count":               {filter: Filter{Or: true, ID: no}},
		"or: empty members match":                       {filter: Filter{Or: true, ID: no, Name: &NameFilter{}, Tags: noTags(), State: noState(), FlowRunID: noFlow()}, want: true},
		"or: an empty state matches":                    {filter: Filter{Or: true, ID: no, Name: noName(), Tags: noTags(), State: &StateFilter{}, FlowRunID: noFlow()}, want: true},
		"or: one match is enough":                       {filter: Filter{Or: true, ID: yes, Name: noName(), Tags: noTags(), State: noState(), FlowRunID: noFlow()}, want: true},
		"or: no member matches":                         {filter: Filter{Or: true, ID: no, Name: noName(), Tags: noTags(), State: noState(), FlowRunID: noFlow()}},
		"id: in the list":                               {filter: Filter{ID: &IDFilter{Any: []string{otherID, oneID}}}, want: true},
		"id: not in the list":                           {filter: Filter{ID: no}},
		"id: an empty list matches none":                {filter: Filter{ID: &IDFilter{Any: []string{}}}},
		"name: exact":                                   {filter: Filter{Name: &NameFilter{Any: []string{"x", "load-Users_7"}}}, want: true},
		"name: exact case":                              {filter: Filter{Name: &NameFilter{Any: []string{"load-users_7"}}}},
		"name: an empty list matches none":              {filter: Filter{Name: &NameFilter{Any: []string{}}}},
		"name: a substring":                             {filter: Filter{Name: &NameFilter{Like: "USERS"}}, want: true},
		"name: list and substring":                      {filter: Filter{Name: &NameFilter{Any: []string{"load-Users_7"}, Like: "flows"}}},
		"tags: all present":                             {filter: Filter{Tags: &TagsFilter{All: []string{"b", "a", "a"}}}, want: true},
		"tags: one missing":                             {filter: Filter{Tags: &TagsFilter{All: []string{"a", "c"}}}},
		"tags: an empty list is no criterion":           {filter: Filter{Tags: &TagsFilter{All: []string{}}}, want: true},
		"tags: none wanted, some present":               {filter: Filter{Tags: &TagsFilter{IsNull: new(true)}}},
		"tags: none wanted, none present":               {filter: Filter{Tags: &TagsFilter{IsNull: new(true)}}, change: func(r *Run) { r.Tags = []string{} }, want: true},
		"tags: some wanted, some present":               {filter: Filter{Tags: &TagsFilter{IsNull: new(false)}}, want: true},
		"tags: some wanted, none present":               {filter: Filter{Tags: &TagsFilter{IsNull: new(false)}}, change: func(r *Run) { r.Tags = nil }},
		"tags: both criteria, one fails":                {filter: Filter{Tags: &TagsFilter{All: []string{"c"}, IsNull: new(false)}}},
		"tags or: one criterion matches":                {filter: Filter{Tags: &TagsFilter{Or: true, All: []string{"c"}, IsNull: new(false)}}, want: true},
		"tags or: an absent criterion does not count":   {filter: Filter{Tags: &TagsFilter{Or: true, All: []string{"c"}}}},
		"tags or: both criteria fail":                   {filter: Filter{Tags: &TagsFilter{Or: true, All: []string{"c"}, IsNull: new(true)}}},
		"state: the type":                               {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{orchestration.Pending, orchestration.Scheduled}}}, want: true},
		"state: another type":                           {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{orchestration.Pending}}}},
		"state: an empty list of types":                 {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{}}}},
		"state: the name":                               {filter: Filter{State: &StateFilter{Names: []string{"AwaitingRetry"}}}, want: true},
		"state: another name":                           {filter: Filter{State: &StateFilter{Names: []string{"awaitingretry"}}}},
		"state: type but not name":                      {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{orchestration.Scheduled}, Names: []string{"Scheduled"}}}},
		"state or: type but not name":                   {filter: Filter{State: &StateFilter{Or: true, Types: []orchestration.StateType{orchestration.Scheduled}, Names: []string{"Scheduled"}}}, want: true},
		"state or: an absent criterion is ignored":      {filter: Filter{State: &StateFilter{Or: true, Names: []string{"Scheduled"}}}},
		"state or: without criteria it matches":         {filter: Filter{State: &StateFilter{Or: true}}, want: true},
		"state: a run without a state":                  {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{""}, Names: []string{""}}}, change: func(r *Run) { r.State = nil }},
		"state: a run without a state and no criterion": {filter: Filter{State: &StateFilter{}}, change: func(r *Run) { r.State = nil }, want: true},
		"start: before, both ends inclusive":            {filter: Filter{StartTime: &TimeFilter{Before: at(0), After: at(0)}}, want: true},
		"start: too late":                               {filter: Filter{StartTime: &TimeFilter{Before: at(-1)}}},
		"start: too early":                              {filter: Filter{StartTime: &TimeFilter{After: at(1)}}},
		"start: no criterion":                           {filter: Filter{StartTime: &TimeFilter{}}, change: neverStarted, want: true},
		"start: a missing time is not before":           {filter: Filter{StartTime: &TimeFilter{Before: at(9)}}, change: neverStarted},
		"start: a missing time is not after":            {filter: Filter{StartTime: &TimeFilter{After: at(-9)}}, change: neverStarted},
		"start: missing, wanted missing":                {filter: Filter{StartTime: &TimeFilter{IsNull: new(true)}}, change: neverStarted, want: true},
		"start: missing, wanted set":                    {filter: Filter{StartTime: &TimeFilter{IsNull: new(false)}}, change: neverStarted},
		"start: set, wanted set":                        {filter: Filter{StartTime: &TimeFilter{IsNull: new(false)}}, want: true},
		"start: set, wanted missing":                    {filter: Filter{StartTime: &TimeFilter{IsNull: new(true)}}},
		"start: a range and missing never match":        {filter: Filter{StartTime: &TimeFilter{After: at(-9), IsNull: new(true)}}},
		"start: an expected start does not count":       {filter: Filter{StartTime: &TimeFilter{After: at(-9)}}, change: neverStarted},
		"end: after":                                    {filter: Filter{EndTime: &TimeFilter{After: at(1)}}, want: true},
		"end: not before":                               {filter: Filter{EndTime: &TimeFilter{Before: at(0)}}},
		"expected start: before":                        {filter: Filter{ExpectedStartTime: &TimeFilter{Before: at(-1)}}, want: true},
		"expected start: not after":                     {filter: Filter{ExpectedStartTime: &TimeFilter{After: at(0)}}},
		"or: one of the times":                          {filter: Filter{Or: true, StartTime: &TimeFilter{After: at(1)}, EndTime: &TimeFilter{After: at(1)}, ExpectedStartTime: &TimeFilter{After: at(0)}}, want: true},
		"or: a time without criteria matches":           {filter: Filter{Or: true, ID: no, StartTime: &TimeFilter{}}, want: true},
		"subflows: no run matches":                      {filter: Filter{Subflows: &SubflowFilter{Exists: new(true)}}},
		"subflows: all runs match":                      {filter: Filter{Subflows: &SubflowFilter{Exists: new(false)}}, want: true},
		"subflows: no criterion":                        {filter: Filter{Subflows: &SubflowFilter{}}, want: true},
		"or: subflows without criteria match":           {filter: Filter{Or: true, ID: no, Subflows: &SubflowFilter{}}, want: true},
		"or: subflows that do not exist":                {filter: Filter{Or: true, ID: no, Subflows: &SubflowFilter{Exists: new(true)}}},
		"parents: must also match":                      {filter: Filter{ID: yes, Parents: &ParentFilter{Unknown: true}}},
		"or: parents must match too":                    {filter: Filter{Or: true, ID: yes, Parents: &ParentFilter{Unknown: true}}},
		"or: parents alone are not enough":              {filter: Filter{Or: true, ID: no, Parents: &ParentFilter{}}},
		"flow run: in the list":                         {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{otherID, flowID}, IsNull: new(false)}}, want: true},
		"flow run: not in the list":                     {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{otherID}, IsNull: new(false)}}},
		"flow run: an empty list matches none":          {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{}, IsNull: new(false)}}},
		"flow run: required by default":                 {filter: Filter{FlowRunID: &FlowRunIDFilter{IsNull: new(false)}}, want: true},
		"flow run: null requires no flow run":           {filter: Filter{FlowRunID: &FlowRunIDFilter{IsNull: new(false)}}, change: outsideFlows},
		"flow run: null ignores the list":               {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{flowID}, IsNull: new(true)}}},
		"flow run: null and outside flows":              {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{flowID}, IsNull: new(true)}}, change: outsideFlows, want: true},
		"flow run: a null criterion alone":              {filter: Filter{FlowRunID: &FlowRunIDFilter{}}, change: outsideFlows, want: true},
		"flow run: a null criterion and a list":         {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{flowID}}}, want: true},
		"flow run: an empty id is not a flow run":       {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{""}}}, change: outsideFlows},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := matched()
			if tc.change != nil {
				tc.change(run)
			}
			if got := tc.filter.Matcher()(run); got != tc.want {
				t.Errorf("the run passes: %v, want %v", got, tc.want)
			}
		})
	}
}

// Filters that do not match the run.
func noName() *NameFilter { return &NameFilter{Any: []string{}} }

func noTags() *TagsFilter {
	return &TagsFilter{Or: true, All: []string{"c"}, IsNull: new(true)}
}

func noState() *StateFilter    { return &StateFilter{Names: []string{}} }
func noFlow() *FlowRunIDFilter { return &FlowRunIDFilter{Any: []string{}} }

func outsideFlows(r *Run) { r.FlowRunID = "" }

// broad returns a filter with long lists in all its members that matches the
// run.
func broad(run *Run) Filter {
	texts := func(last string) (list []string) {
		for i := range 100 {
			list = append(list, fmt.Sprint("text-", i))
		}
		return append(list, last)
	}
	yes := true
	run.Labels = map[string]json.RawMessage{labelFlowID: []byte(`"` + flowID + `"`), labelDeploymentID: []byte(`"` + otherID + `"`)}
	return Filter{
		ID: &IDFilter{Any: texts(run.ID)}, Name: &NameFilter{Any: texts(run.Name), Like: "load%U_ERS"}, Tags: &TagsFilter{All: []string{"a"}},
		State:     &StateFilter{Types: orchestration.StateTypes, Names: texts(run.State.Name)},
		StartTime: &TimeFilter{Before: at(5), After: at(-5)}, Subflows: &SubflowFilter{}, FlowRunID: &FlowRunIDFilter{Any: texts(run.FlowRunID)},
		Parents: &ParentFilter{
			Flow:    &ParentCriteria{Members: []ParentCriterion{{Fact: FactFlowID, Any: texts(flowID)}}},
			FlowRun: &ParentCriteria{Members: []ParentCriterion{{Fact: FactFlowRunID, Any: texts(flowID), NotAny: texts(oneID)}}},
			Deployment: &ParentCriteria{Or: yes, Members: []ParentCriterion{
				{Fact: FactDeploymentID, NotAny: texts(otherID)}, {Fact: FactDeploymentID, Any: texts(otherID)},
			}},
		},
	}
}

func TestMatcher_longListsMatchLikeShortOnes(t *testing.T) {
	t.Parallel()
	run := matched()
	filter := broad(run)
	if !filter.Matcher()(run) {
		t.Error("the run does not pass")
	}
	for name, change := range map[string]func(*Run){
		"another id":       func(r *Run) { r.ID = "text" },
		"another name":     func(r *Run) { r.Name = "load users" },
		"another state":    func(r *Run) { r.State = &orchestration.State{Type: orchestration.Running, Name: "Running"} },
		"another flow run": func(r *Run) { r.FlowRunID = oneID },
		"another flow": func(r *Run) {
			r.Labels = map[string]json.RawMessage{labelFlowID: []byte(`"x"`), labelDeploymentID: []byte(`"text-1"`)}
		},
		"another deployment": func(r *Run) { r.Labels = map[string]json.RawMessage{labelFlowID: []byte(`"` + flowID + `"`)} },
	} {
		other := *run
		change(&other)
		if filter.Matcher()(&other) {
			t.Errorf("%s: the run passes", name)
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts for the whole process.
func TestMatcher_allocatesNoMemory(t *testing.T) {
	run := matched()
	filter := broad(run)
	either := filter
	either.Or = true
	matcher, eitherMatcher := filter.Matcher(), either.Matcher()
	for name, match := range map[string]func(*Run) bool{
		"all": matcher, "or": eitherMatcher,
	} {
		if n := testing.AllocsPerRun(100, func() { match(run) }); n != 0 {
			t.Errorf("%s allocates %v times a run, want none", name, n)
		}
	}
}
