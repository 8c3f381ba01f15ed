package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDecodeFilter_readsParents(t *testing.T) {
	t.Parallel()
	type (
		filter    = taskrun.ParentFilter
		criteria  = taskrun.ParentCriteria
		criterion = taskrun.ParentCriterion
	)
	all := func(members ...criterion) *criteria { return &criteria{Members: members} }
	flowRun := func(members ...criterion) *filter { return &filter{FlowRun: all(members...)} }
	unknown, free := criterion{Fact: taskrun.FactUnknown}, criterion{}
	const id = `"0198A1B2-0000-7000-8000-00000000000A"`
	list := []string{idKnown}
	for body, want := range map[string]*filter{
		`{"flows":null,"flow_runs":null,"deployments":null}`: nil,
		`{"flows":{}}`:                               {Flow: &criteria{}},
		`{"flow_runs":{"id":null}}`:                  {FlowRun: &criteria{}},
		`{"deployments":{"operator":"or_"}}`:         {Deployment: &criteria{Or: true}},
		`{"flow_runs":{"id":{"any_":[` + id + `]}}}`: flowRun(criterion{Fact: taskrun.FactFlowRunID, Any: list}),
		`{"flow_runs":{"id":{"any_":[],"not_any_":[` + id + `]}}}`: flowRun(
			criterion{Fact: taskrun.FactFlowRunID, Any: []string{}, NotAny: list}),
		`{"flows":{"id":{"not_any_":[` + id + `]}}}`:   {Flow: all(criterion{Fact: taskrun.FactFlowID, NotAny: list})},
		`{"deployments":{"id":{"any_":[` + id + `]}}}`: {Deployment: all(criterion{Fact: taskrun.FactDeploymentID, Any: list})},
		`{"flow_runs":{"deployment_id":{"operator":"or_","any_":[` + id + `],"is_null_":true}}}`: flowRun(
			criterion{Fact: taskrun.FactDeploymentID, Or: true, Any: list, IsNull: new(true)}),
		`{"flow_runs":{"name":{"any_":["x"]},"id":{}}}`:                          flowRun(criterion{Fact: taskrun.FactFlowRunID}, unknown),
		`{"flow_runs":{"name":{"any_":[]}}}`:                                     flowRun(unknown),
		`{"flow_runs":{"name":{"any_":null,"like_":""}}}`:                        flowRun(free),
		`{"flow_runs":{"name":{"like_":"x"}}}`:                                   flowRun(unknown),
		`{"flow_runs":{"tags":{"operator":"or_","all_":[]}}}`:                    flowRun(free),
		`{"flow_runs":{"tags":{"all_":["x"]}}}`:                                  flowRun(unknown),
		`{"flow_runs":{"tags":{"any_":[]}}}`:                                     flowRun(unknown),
		`{"flow_runs":{"tags":{"is_null_":true}}}`:                               flowRun(unknown),
		`{"flow_runs":{"idempotency_key":{"not_any_":[]}}}`:                      flowRun(free),
		`{"flow_runs":{"idempotency_key":{"not_any_":["x"]}}}`:                   flowRun(unknown),
		`{"flow_runs":{"state":{"operator":"and_","type":null,"name":{}}}}`:      flowRun(free),
		`{"flow_runs":{"state":{"type":{"any_":["RUNNING"]}}}}`:                  flowRun(unknown),
		`{"flow_runs":{"state":{"name":{"any_":["a"],"not_any_":["b"]}}}}`:       flowRun(free),
		`{"flow_runs":{"start_time":{"is_null_":false}}}`:                        flowRun(unknown),
		`{"flow_runs":{"parent_task_run_id":{"is_null_":true}}}`:                 flowRun(unknown),
		`{"flow_runs":{"parent_flow_run_id":{"any_":null}}}`:                     flowRun(free),
		`{"deployments":{"concurrency_limit":{"ge_":1},"paused":{"eq_":false}}}`: {Deployment: all(unknown)},
		`{"flows":{"deployment":{"is_null_":true}},"deployments":{},"flow_runs":{"id":{}}}`: {
			Flow: all(unknown), Deployment: &criteria{}, FlowRun: all(criterion{Fact: taskrun.FactFlowRunID}),
		},
	} {
		f, err := DecodeCount(bodyOf(t, body))
		if diff := cmp.Diff(want, f.Parents); diff != "" || err != nil {
			t.Errorf("%s: %v, parents (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestDecodeDashboard(t *testing.T) {
	t.Parallel()
	const since = `"task_runs":{"start_time":{"after_":0}}`
	for body, unknown := range map[string]bool{
		`{` + since + `}`:                   false,
		`{` + since + `,"work_pools":null}`: false,
		`{` + since + `,"work_pools":{}}`:   true,
		`{` + since + `,"flows":{},"work_queues":{"name":{"startswith_":["x"]}}}`: true,
	} {
		f, err := DecodeDashboard(bodyOf(t, body))
		if err != nil || f.StartTime.After == nil || (f.Parents != nil && f.Parents.Unknown) != unknown {
			t.Errorf("%s: %v, parents %+v", body, err, f.Parents)
		}
	}
	for body, want := range map[string]string{
		"[]": `missing["body","task_runs"] missing["body","flows"] missing["body","flow_runs"] missing["body","deployments"] ` +
			`missing["body","work_pools"] missing["body","work_queues"]`,
		`{"flows":1,"work_queues":{"zz":1,"name":{"startswith_":[1]}},"work_pools":{"type":{"any_":1}}}`: `missing["body","task_runs"] ` +
			`model_attributes_type["body","flows"] list_type["body","work_pools","type","any_"] ` +
			`string_type["body","work_queues","name","startswith_",0] extra_forbidden["body","work_queues","zz"]`,
	} {
		_, err := DecodeDashboard(bodyOf(t, body))
		if got := faultsOf(t, err); got != want || detailOf(err) != "" {
			t.Errorf("%s: faults %s, detail %q, want %s", body, got, detailOf(err), want)
		}
	}
}
