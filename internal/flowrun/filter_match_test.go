package flowrun

import (
	"slices"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

type (
	list    = ListFilter[string]
	types   = ListFilter[orchestration.StateType]
	times   = taskrun.TimeFilter
	nullish = NullableFilter
)

// crowd has four runs of two flows, a, b, c and d, and their task runs. Run b is a subflow
// of a, run d belongs to a deployment.
func crowd() (*fixed, EachTaskRun) {
	made := func(name, flow string, kind orchestration.StateType) *Run {
		run := &Run{ID: "id-" + name, FlowID: flow}
		run.Name, run.State = name, state(kind)
		run.ExpectedStartTime = at(0)
		return run
	}
	a, b, c, d := made("a", "f", orchestration.Pending), made("b", "g", orchestration.Running),
		made("c", "f", orchestration.Completed), made("d", "g", orchestration.Scheduled)
	a.Tags, b.Tags, c.Tags = []string{"all", "x"}, []string{"all", "x", "y"}, []string{"all"}
	a.FlowVersion, b.FlowVersion = new("1"), new("2")
	a.IdempotencyKey, b.IdempotencyKey = new("key"), new("")
	a.CreatedBy = &Creator{ID: "automation", Type: "AUTOMATION"}
	b.StartTime = at(30)
	b.ParentTaskRunID = "placeholder"
	c.StartTime, c.EndTime, c.State.Name = at(60), at(90), "Fine"
	c.WorkQueueName = new("queue")
	d.ExpectedStartTime, d.NextScheduledStartTime, d.DeploymentID = at(600), at(600), "deployment"
	flows := []*Flow{
		{ID: "f", Name: "first", Tags: []string{"all", "one"}},
		{ID: "g", Name: "Second"},
		{ID: "h", Name: "unused", Tags: []string{"all"}},
	}
	task := func(id, name, flowRun string) *taskrun.Run {
		run := &taskrun.Run{ID: id, Name: name, FlowRunID: flowRun}
		run.State = state(orchestration.Pending)
		return run
	}
	return snapshotOf(flows, []*Run{a, b, c, d}), taskRuns(
		task("1", "one", "id-a"), task("2", "two", "id-a"), task("placeholder", "three", "id-a"), task("4", "one", "id-b"), task("5", "one", ""),
	)
}

func TestRunFilter(t *testing.T) {
	t.Parallel()
	yes, no := new(true), new(false)
	tests := map[string]struct {
		filter RunFilter
		want   string
	}{
		"nothing":                               {RunFilter{}, "abcd"},
		"nothing, with or":                      {RunFilter{Or: true}, "abcd"},
		"an id":                                 {RunFilter{ID: &list{Any: []string{"id-a", "id-a", "none"}}}, "a"},
		"no id":                                 {RunFilter{ID: &list{Any: []string{}}}, ""},
		"other ids":                             {RunFilter{ID: &list{NotAny: []string{"id-a"}}}, "bcd"},
		"an id, but not that one":               {RunFilter{ID: &list{Any: []string{"id-a", "id-b"}, NotAny: []string{"id-a"}}}, "b"},
		"an empty list of other ids":            {RunFilter{ID: &list{NotAny: []string{}}}, "abcd"},
		"a name":                                {RunFilter{Name: &taskrun.NameFilter{Any: []string{"a", "B"}}}, "a"},
		"a part of a name":                      {RunFilter{Name: &taskrun.NameFilter{Like: "B"}}, "b"},
		"a name and another part":               {RunFilter{Name: &taskrun.NameFilter{Any: []string{"a"}, Like: "b"}}, ""},
		"all of the tags":                       {RunFilter{Tags: &TagsFilter{All: []string{"x", "y"}}}, "b"},
		"all of no tags":                        {RunFilter{Tags: &TagsFilter{All: []string{}}}, "abcd"},
		"one of the tags":                       {RunFilter{Tags: &TagsFilter{Any: []string{"y", "z"}}}, "b"},
		"one of no tags":                        {RunFilter{Tags: &TagsFilter{Any: []string{}}}, ""},
		"one of the tags and all of others":     {RunFilter{Tags: &TagsFilter{Any: []string{"x"}, All: []string{"y"}}}, "b"},
		"without tags":                          {RunFilter{Tags: &TagsFilter{IsNull: yes}}, "d"},
		"with tags":                             {RunFilter{Tags: &TagsFilter{IsNull: no}}, "abc"},
		"all of the tags, or none":              {RunFilter{Tags: &TagsFilter{Or: true, All: []string{"y"}, IsNull: yes}}, "bd"},
		"a deployment":                          {RunFilter{DeploymentID: &nullish{Any: []string{"deployment"}}}, "d"},
		"no deployment":                         {RunFilter{DeploymentID: &nullish{IsNull: yes}}, "abc"},
		"some deployment":                       {RunFilter{DeploymentID: &nullish{IsNull: no}}, "d"},
		"another deployment, or none":           {RunFilter{DeploymentID: &nullish{Or: true, Any: []string{"none"}, IsNull: yes}}, "abc"},
		"another deployment, and none":          {RunFilter{DeploymentID: &nullish{Any: []string{"none"}, IsNull: yes}}, ""},
		"a work queue":                          {RunFilter{WorkQueueName: &nullish{Any: []string{"queue"}}}, "c"},
		"no work queue":                         {RunFilter{WorkQueueName: &nullish{IsNull: yes}}, "abd"},
		"a type":                                {RunFilter{State: &StateFilter{Type: &types{Any: []orchestration.StateType{"RUNNING", "PENDING"}}}}, "ab"},
		"no type":                               {RunFilter{State: &StateFilter{Type: &types{Any: []orchestration.StateType{}}}}, ""},
		"other types":                           {RunFilter{State: &StateFilter{Type: &types{NotAny: []orchestration.StateType{"RUNNING"}}}}, "acd"},
		"types and other types: left out":       {RunFilter{State: &StateFilter{Type: &types{Any: []orchestration.StateType{"RUNNING"}, NotAny: []orchestration.StateType{"PENDING"}}}}, "abcd"},
		"a name of a state":                     {RunFilter{State: &StateFilter{Name: &list{Any: []string{"Fine"}}}}, "c"},
		"other names of states":                 {RunFilter{State: &StateFilter{Name: &list{NotAny: []string{"Fine", "Pending"}}}}, "bd"},
		"a type and a name":                     {RunFilter{State: &StateFilter{Type: &types{Any: []orchestration.StateType{"COMPLETED"}}, Name: &list{Any: []string{"Completed"}}}}, ""},
		"a type or a name":                      {RunFilter{State: &StateFilter{Or: true, Type: &types{Any: []orchestration.StateType{"RUNNING"}}, Name: &list{Any: []string{"Fine"}}}}, "bc"},
		"a type, or a member without criteria":  {RunFilter{State: &StateFilter{Or: true, Type: &types{Any: []orchestration.StateType{"RUNNING"}}, Name: &list{}}}, "b"},
		"a flow version":                        {RunFilter{FlowVersion: &AnyFilter{Any: []string{"1", "3"}}}, "a"},
		"no flow version":                       {RunFilter{FlowVersion: &AnyFilter{Any: []string{}}}, ""},
		"any flow version or none":              {RunFilter{FlowVersion: &AnyFilter{}}, "abcd"},
		"started by a time, or expected to":     {RunFilter{StartTime: &times{Before: at(30)}}, "ab"},
		"started from a time, or expected to":   {RunFilter{StartTime: &times{After: at(60)}}, "cd"},
		"not started":                           {RunFilter{StartTime: &times{IsNull: yes}}, "ad"},
		"started and expected by a time":        {RunFilter{StartTime: &times{Before: at(60), IsNull: yes}}, "a"},
		"ended by a time":                       {RunFilter{EndTime: &times{Before: at(90)}}, "c"},
		"not ended":                             {RunFilter{EndTime: &times{IsNull: yes}}, "abd"},
		"expected by a time":                    {RunFilter{ExpectedStartTime: &times{Before: at(0)}}, "abc"},
		"scheduled from a time":                 {RunFilter{NextScheduledStartTime: &times{After: at(0)}}, "d"},
		"subflows of a run":                     {RunFilter{ParentFlowRunID: &AnyFilter{Any: []string{"id-a"}}}, "b"},
		"subflows of another run":               {RunFilter{ParentFlowRunID: &AnyFilter{Any: []string{"id-b"}}}, ""},
		"subflows of no run":                    {RunFilter{ParentFlowRunID: &AnyFilter{Any: []string{}}}, ""},
		"subflows or not":                       {RunFilter{ParentFlowRunID: &AnyFilter{}}, "abcd"},
		"the subflow of a placeholder":          {RunFilter{ParentTaskRunID: &nullish{Any: []string{"placeholder"}}}, "b"},
		"no subflows":                           {RunFilter{ParentTaskRunID: &nullish{IsNull: yes}}, "acd"},
		"a key":                                 {RunFilter{IdempotencyKey: &list{Any: []string{"key"}}}, "a"},
		"other keys, which a run without fails": {RunFilter{IdempotencyKey: &list{NotAny: []string{"key"}}}, "b"},
		"any key or none":                       {RunFilter{IdempotencyKey: &list{NotAny: []string{}}}, "abcd"},
		"a creator":                             {RunFilter{CreatedBy: &CreatorFilter{ID: []string{"automation"}}}, "a"},
		"a type of creators":                    {RunFilter{CreatedBy: &CreatorFilter{Type: []string{"AUTOMATION"}}}, "a"},
		"another creator of the type":           {RunFilter{CreatedBy: &CreatorFilter{ID: []string{"other"}, Type: []string{"AUTOMATION"}}}, ""},
		"no creator":                            {RunFilter{CreatedBy: &CreatorFilter{IsNull: yes}}, "bcd"},
		"a creator, or none":                    {RunFilter{CreatedBy: &CreatorFilter{Or: true, Type: []string{"AUTOMATION"}, IsNull: yes}}, "abcd"},
		"two members":                           {RunFilter{Name: &taskrun.NameFilter{Any: []string{"a", "b"}}, Tags: &TagsFilter{All: []string{"y"}}}, "b"},
		"one of two members":                    {RunFilter{Or: true, Name: &taskrun.NameFilter{Any: []string{"a"}}, ID: &list{Any: []string{"id-c"}}}, "ac"},
		"one, or a member without criteria":     {RunFilter{Or: true, Name: &taskrun.NameFilter{Any: []string{"a"}}, Tags: &TagsFilter{}}, "abcd"},
		"one, or a state without criteria":      {RunFilter{Or: true, Name: &taskrun.NameFilter{Any: []string{"a"}}, State: &StateFilter{}}, "abcd"},
	}
	s, each := crowd()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := namesOf(t, Filters{Runs: &tt.filter}, s, each); got != tt.want {
				t.Errorf("runs %q match, want %q", got, tt.want)
			}
		})
	}
}

func TestFlowFilter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		filter FlowFilter
		want   string
	}{
		"nothing":                  {FlowFilter{}, "fgh"},
		"an id":                    {FlowFilter{ID: &list{Any: []string{"f"}}}, "f"},
		"other ids":                {FlowFilter{ID: &list{NotAny: []string{"f"}}}, "gh"},
		"a name":                   {FlowFilter{Name: &taskrun.NameFilter{Any: []string{"first", "second"}}}, "f"},
		"a part of a name":         {FlowFilter{Name: &taskrun.NameFilter{Like: "SEC"}}, "g"},
		"tags":                     {FlowFilter{Tags: &TagsFilter{All: []string{"all"}}}, "fh"},
		"tags, or none":            {FlowFilter{Tags: &TagsFilter{Or: true, All: []string{"one"}, IsNull: new(true)}}, "fg"},
		"without a deployment":     {FlowFilter{Deployment: &PresenceFilter{IsNull: new(true)}}, "fgh"},
		"with a deployment":        {FlowFilter{Deployment: &PresenceFilter{IsNull: new(false)}}, ""},
		"with a deployment or not": {FlowFilter{Deployment: &PresenceFilter{}}, "fgh"},
		"one of two members":       {FlowFilter{Or: true, ID: &list{Any: []string{"h"}}, Name: &taskrun.NameFilter{Like: "first"}}, "fh"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := crowd()
			q := FlowQuery{Filters: Filters{Flows: &tt.filter}, Sort: FlowSortNameAsc, Limit: 9}
			var ids []string
			for _, flow := range q.Page(s, Joined{}).Flows {
				ids = append(ids, flow.ID)
			}
			slices.Sort(ids)
			got := strings.Join(ids, "")
			if got != tt.want {
				t.Errorf("flows %q match, want %q", got, tt.want)
			}
		})
	}
}
