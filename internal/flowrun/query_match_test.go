package flowrun

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func named(names ...string) *taskrun.Filter {
	return &taskrun.Filter{Name: &taskrun.NameFilter{Any: names}}
}

func TestJoinsOfRuns(t *testing.T) {
	t.Parallel()
	yes, no := new(true), new(false)
	tests := map[string]struct {
		filters Filters
		want    string
	}{
		"all":                              {Filters{}, "abcd"},
		"of any flow":                      {Filters{Flows: &FlowFilter{}}, "abcd"},
		"of a flow":                        {Filters{Flows: &FlowFilter{ID: &list{Any: []string{"f", "f", "none"}}}}, "ac"},
		"of a flow or of one of a name":    {Filters{Flows: &FlowFilter{Or: true, ID: &list{Any: []string{"f"}}, Name: &taskrun.NameFilter{Like: "second"}}}, "abcd"},
		"of a flow that matches otherwise": {Filters{Flows: &FlowFilter{ID: &list{Any: []string{"f"}}, Tags: &TagsFilter{IsNull: yes}}}, ""},
		"of a flow, by id":                 {Filters{Runs: &RunFilter{ID: &list{Any: []string{"id-a", "id-b"}}}, Flows: &FlowFilter{Tags: &TagsFilter{IsNull: no}}}, "a"},
		"with a task run":                  {Filters{TaskRuns: &taskrun.Filter{}}, "ab"},
		"with a task run of a name":        {Filters{TaskRuns: named("two")}, "a"},
		"with one of two names":            {Filters{TaskRuns: named("one", "two")}, "ab"},
		"with a task run outside flows":    {Filters{TaskRuns: &taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{IsNull: yes}}}, ""},
		"with a placeholder":               {Filters{TaskRuns: &taskrun.Filter{Subflows: &taskrun.SubflowFilter{Exists: yes}}}, "a"},
		"with a task run that is none":     {Filters{TaskRuns: &taskrun.Filter{Subflows: &taskrun.SubflowFilter{Exists: no}}}, "ab"},
		"with a task run, of a flow":       {Filters{TaskRuns: named("one"), Flows: &FlowFilter{ID: &list{Any: []string{"g"}}}}, "b"},
		"with a task run, running":         {Filters{TaskRuns: &taskrun.Filter{}, Runs: &RunFilter{State: &StateFilter{Type: &types{Any: []orchestration.StateType{"RUNNING"}}}}}, "b"},
		"of any deployment":                {Filters{Deployments: &DeploymentFilter{}}, "d"},
		"of a deployment":                  {Filters{Deployments: &DeploymentFilter{ID: &list{Any: []string{"deployment"}}}}, "d"},
		"of another deployment":            {Filters{Deployments: &DeploymentFilter{ID: &list{NotAny: []string{"deployment"}}}}, ""},
		"of a deployment of a name":        {Filters{Deployments: &DeploymentFilter{Name: &taskrun.NameFilter{Any: []string{"x"}}}}, ""},
		"of a deployment of any name":      {Filters{Deployments: &DeploymentFilter{Name: &taskrun.NameFilter{}, Tags: &TagsFilter{}, Paused: &PausedFilter{}}}, "d"},
		"of a deployment that is paused":   {Filters{Deployments: &DeploymentFilter{Paused: &PausedFilter{Eq: no}}}, ""},
		"of a deployment of a queue":       {Filters{Deployments: &DeploymentFilter{WorkQueueName: &AnyFilter{Any: []string{"x"}}}}, ""},
		"of a deployment by id or name":    {Filters{Deployments: &DeploymentFilter{Or: true, ID: &list{Any: []string{"deployment"}}, FlowOrDeploymentName: &taskrun.NameFilter{Like: "x"}}}, "d"},
		"in a work pool":                   {Filters{WorkPools: true}, ""},
		"in a work queue":                  {Filters{WorkQueues: true, Flows: &FlowFilter{}}, ""},
	}
	s, each := crowd()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := namesOf(t, tt.filters, s, each); got != tt.want {
				t.Errorf("runs %q match, want %q", got, tt.want)
			}
			joined, err := tt.filters.Join(t.Context(), s, each)
			if got := tt.filters.Count(s, joined); err != nil || got != len(tt.want) {
				t.Errorf("count = %d, %v, want %d", got, err, len(tt.want))
			}
		})
	}
}

func TestJoinsOfFlows(t *testing.T) {
	t.Parallel()
	running := &RunFilter{State: &StateFilter{Type: &types{Any: []orchestration.StateType{"RUNNING"}}}}
	tests := map[string]struct {
		filters Filters
		want    string
	}{
		"all":                                {Filters{}, "f g h"},
		"with a run":                         {Filters{Runs: &RunFilter{}}, "f g"},
		"with a running run":                 {Filters{Runs: running}, "g"},
		"with a task run":                    {Filters{TaskRuns: &taskrun.Filter{}}, "f g"},
		"with a task run of a name":          {Filters{TaskRuns: named("two")}, "f"},
		"with a running run with a task run": {Filters{Runs: running, TaskRuns: named("one")}, "g"},
		"with a running run, and another run with a task run": {Filters{Runs: running, TaskRuns: named("two")}, ""},
		"of a name, with a run":                               {Filters{Flows: &FlowFilter{Name: &taskrun.NameFilter{Like: "u"}}, Runs: &RunFilter{}}, ""},
		"with a deployment":                                   {Filters{Deployments: &DeploymentFilter{}}, ""},
		"with a work pool":                                    {Filters{WorkPools: true}, ""},
	}
	s, each := crowd()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			joined, err := tt.filters.Join(t.Context(), s, each)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for flow := range tt.filters.MatchingFlows(s, joined) {
				ids = append(ids, flow.ID)
			}
			slices.Sort(ids)
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("flows %q match, want %q", got, tt.want)
			}
			if got := tt.filters.CountFlows(s, joined); got != len(ids) {
				t.Errorf("count = %d, want %d", got, len(ids))
			}
		})
	}
}

func TestTheFlowOfARunMustExist(t *testing.T) {
	t.Parallel()
	s, each := crowd()
	delete(s.flows, "f")
	if got := namesOf(t, Filters{Flows: &FlowFilter{}}, s, each); got != "bd" {
		t.Errorf("runs %q match, want those whose flow exists", got)
	}
}

func TestJoinFailsWithTheTaskRuns(t *testing.T) {
	t.Parallel()
	s, _ := crowd()
	broken := errors.New("broken")
	each := taskRunsThatFail(broken)
	for _, f := range []Filters{
		{TaskRuns: &taskrun.Filter{}},
		{Runs: &RunFilter{ParentFlowRunID: &AnyFilter{Any: []string{"id-a"}}}},
	} {
		if _, err := f.Join(t.Context(), s, each); !errors.Is(err, broken) {
			t.Errorf("Join of %+v: %v, want %v", f, err, broken)
		}
	}
	if _, err := (&Filters{Runs: &RunFilter{}, Flows: &FlowFilter{}}).Join(t.Context(), s, each); err != nil {
		t.Errorf("filters that name no task runs read them: %v", err)
	}
}
