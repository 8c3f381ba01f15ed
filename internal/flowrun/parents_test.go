package flowrun

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestParentsByID(t *testing.T) {
	t.Parallel()
	type (
		filter    = taskrun.ParentFilter
		criterion = taskrun.ParentCriterion
	)
	all := func(members ...criterion) *taskrun.ParentCriteria { return &taskrun.ParentCriteria{Members: members} }
	flowRun := func(members ...criterion) *filter { return &filter{FlowRun: all(members...)} }
	unknown, free := criterion{Fact: taskrun.FactUnknown}, criterion{}
	ids := []string{"id"}
	running := []orchestration.StateType{"RUNNING"}
	tests := map[string]struct {
		filters Filters
		want    *filter
	}{
		"nothing":                     {Filters{}, nil},
		"flows":                       {Filters{Flows: &FlowFilter{}}, &filter{Flow: all()}},
		"deployments, with or":        {Filters{Deployments: &DeploymentFilter{Or: true}}, &filter{Deployment: &taskrun.ParentCriteria{Or: true}}},
		"a flow run":                  {Filters{Runs: &RunFilter{ID: &list{Any: ids}}}, flowRun(criterion{Fact: taskrun.FactFlowRunID, Any: ids})},
		"another flow":                {Filters{Flows: &FlowFilter{ID: &list{NotAny: ids}}}, &filter{Flow: all(criterion{Fact: taskrun.FactFlowID, NotAny: ids})}},
		"a deployment":                {Filters{Deployments: &DeploymentFilter{ID: &list{Any: ids}}}, &filter{Deployment: all(criterion{Fact: taskrun.FactDeploymentID, Any: ids})}},
		"a deployment or none":        {Filters{Runs: &RunFilter{DeploymentID: &nullish{Or: true, Any: ids, IsNull: new(true)}}}, flowRun(criterion{Fact: taskrun.FactDeploymentID, Or: true, Any: ids, IsNull: new(true)})},
		"a name, and an empty id":     {Filters{Runs: &RunFilter{Name: &taskrun.NameFilter{Any: ids}, ID: &list{}}}, flowRun(criterion{Fact: taskrun.FactFlowRunID}, unknown)},
		"a member without criteria":   {Filters{Runs: &RunFilter{Name: &taskrun.NameFilter{}, Tags: &TagsFilter{Or: true, All: []string{}}}}, flowRun(free, free)},
		"tags":                        {Filters{Runs: &RunFilter{Tags: &TagsFilter{Any: []string{}}}}, flowRun(unknown)},
		"a key, and a list of none":   {Filters{Runs: &RunFilter{IdempotencyKey: &list{NotAny: []string{}}}}, flowRun(free)},
		"another key":                 {Filters{Runs: &RunFilter{IdempotencyKey: &list{NotAny: ids}}}, flowRun(unknown)},
		"a state":                     {Filters{Runs: &RunFilter{State: &StateFilter{Type: &types{Any: running}}}}, flowRun(unknown)},
		"a state without criteria":    {Filters{Runs: &RunFilter{State: &StateFilter{Name: &list{}}}}, flowRun(free)},
		"a state with both lists":     {Filters{Runs: &RunFilter{State: &StateFilter{Name: &list{Any: ids, NotAny: ids}}}}, flowRun(free)},
		"a time":                      {Filters{Runs: &RunFilter{StartTime: &times{IsNull: new(false)}, EndTime: &times{}}}, flowRun(unknown, free)},
		"a parent":                    {Filters{Runs: &RunFilter{ParentFlowRunID: &AnyFilter{}, ParentTaskRunID: &nullish{IsNull: new(true)}}}, flowRun(free, unknown)},
		"a creator":                   {Filters{Runs: &RunFilter{CreatedBy: &CreatorFilter{Type: ids}}}, flowRun(unknown)},
		"a deployment that is paused": {Filters{Deployments: &DeploymentFilter{Paused: &PausedFilter{Eq: new(false)}, Name: &taskrun.NameFilter{}}}, &filter{Deployment: all(free, unknown)}},
		"a work pool":                 {Filters{WorkPools: true, Flows: &FlowFilter{Deployment: &PresenceFilter{IsNull: new(true)}}}, &filter{Unknown: true, Flow: all(unknown)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.filters.ParentsByID()); diff != "" {
				t.Errorf("parents (-want +got):\n%s", diff)
			}
		})
	}
}

// The sets of flow runs that select task runs (contract §2.7).
func TestParents(t *testing.T) {
	t.Parallel()
	set := func(ids ...string) *taskrun.ParentFilter {
		all := map[string]struct{}{}
		for _, id := range ids {
			all[id] = struct{}{}
		}
		return &taskrun.ParentFilter{FlowRunIDs: all}
	}
	tests := map[string]struct {
		filters Filters
		want    *taskrun.ParentFilter
	}{
		"no filters":                      {Filters{}, nil},
		"ids alone need not exist":        {Filters{Runs: &RunFilter{ID: &list{Any: []string{"id-a", "gone"}}}}, set("id-a", "gone")},
		"beside another filter they must": {Filters{Runs: &RunFilter{ID: &list{Any: []string{"id-a", "gone"}}}, Flows: &FlowFilter{}}, set("id-a")},
		"and beside another criterion":    {Filters{Runs: &RunFilter{ID: &list{Any: []string{"id-a", "gone"}}, Name: &taskrun.NameFilter{}}}, set("id-a")},
		"a list of no ids":                {Filters{Runs: &RunFilter{ID: &list{Any: []string{}}}}, set()},
		"other ids":                       {Filters{Runs: &RunFilter{ID: &list{NotAny: []string{"id-a"}}}}, set("id-b", "id-c", "id-d")},
		"the runs of a flow":              {Filters{Flows: &FlowFilter{Name: &taskrun.NameFilter{Like: "FIRST"}}}, set("id-a", "id-c")},
		"the subflows of a run":           {Filters{Runs: &RunFilter{ParentFlowRunID: &AnyFilter{Any: []string{"id-a"}}}}, set("id-b")},
		"the runs of deployments":         {Filters{Deployments: &DeploymentFilter{}}, set("id-d")},
		"no run is in a work pool":        {Filters{WorkPools: true}, set()},
	}
	s, each := crowd()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			joined, err := tt.filters.Join(t.Context(), s, each)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tt.filters.Parents(s, joined)); diff != "" {
				t.Errorf("parents (-want +got):\n%s", diff)
			}
		})
	}
}
