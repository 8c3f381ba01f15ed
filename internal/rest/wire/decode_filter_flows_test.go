package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDecodeFilterReadsParents(t *testing.T) {
	t.Parallel()
	type (
		filters = flowrun.Filters
		run     = flowrun.RunFilter
		flow    = flowrun.FlowFilter
		texts   = flowrun.ListFilter[string]
		types   = flowrun.ListFilter[orchestration.StateType]
	)
	const id = `"0198A1B2-0000-7000-8000-00000000000A"`
	list := []string{idKnown}
	yes, no := new(true), new(false)
	for body, want := range map[string]filters{
		`{"flows":null,"flow_runs":null,"deployments":null}`: {},
		`{"flows":{}}`:                       {Flows: &flow{}},
		`{"flow_runs":{"id":null}}`:          {Runs: &run{}},
		`{"deployments":{"operator":"or_"}}`: {Deployments: &flowrun.DeploymentFilter{Or: true}},
		`{"flow_runs":{"operator":"or_","id":{"any_":[],"not_any_":[` + id + `]}}}`: {Runs: &run{Or: true, ID: &texts{Any: []string{}, NotAny: list}}},
		`{"flow_runs":{"name":{"any_":["x"],"like_":"y"},"tags":{"operator":"or_","all_":["a","a"],"any_":["b"],"is_null_":true}}}`: {Runs: &run{
			Name: &taskrun.NameFilter{Any: []string{"x"}, Like: "y"},
			Tags: &flowrun.TagsFilter{Or: true, All: []string{"a"}, Any: []string{"b"}, IsNull: yes},
		}},
		`{"flow_runs":{"deployment_id":{"operator":"or_","any_":[` + id + `],"is_null_":true},"work_queue_name":{"any_":["q"]},"parent_task_run_id":{"is_null_":false}}}`: {Runs: &run{
			DeploymentID:    &flowrun.NullableFilter{Or: true, Any: list, IsNull: yes},
			WorkQueueName:   &flowrun.NullableFilter{Any: []string{"q"}},
			ParentTaskRunID: &flowrun.NullableFilter{IsNull: no},
		}},
		`{"flow_runs":{"state":{"operator":"or_","type":{"any_":["RUNNING"],"not_any_":[]},"name":{"not_any_":["a"]}}}}`: {Runs: &run{State: &flowrun.StateFilter{
			Or: true, Type: &types{Any: []orchestration.StateType{"RUNNING"}, NotAny: []orchestration.StateType{}}, Name: &texts{NotAny: []string{"a"}},
		}}},
		`{"flow_runs":{"flow_version":{"any_":["1"]},"parent_flow_run_id":{"operator":"or_","any_":[` + id + `]},"idempotency_key":{"not_any_":["k"]}}}`: {Runs: &run{
			FlowVersion: &flowrun.AnyFilter{Any: []string{"1"}}, ParentFlowRunID: &flowrun.AnyFilter{Any: list}, IdempotencyKey: &texts{NotAny: []string{"k"}},
		}},
		`{"flow_runs":{"start_time":{"after_":1787313600,"is_null_":false},"end_time":{},"expected_start_time":{"before_":1787313600},"next_scheduled_start_time":{}}}`: {Runs: &run{
			StartTime: &taskrun.TimeFilter{After: &noon, IsNull: no}, EndTime: &taskrun.TimeFilter{},
			ExpectedStartTime: &taskrun.TimeFilter{Before: &noon}, NextScheduledStartTime: &taskrun.TimeFilter{},
		}},
		`{"flow_runs":{"created_by":{"operator":"or_","id_":[` + id + `],"type_":["AUTOMATION"],"is_null_":true}}}`: {Runs: &run{
			CreatedBy: &flowrun.CreatorFilter{Or: true, ID: list, Type: []string{"AUTOMATION"}, IsNull: yes},
		}},
		`{"flows":{"operator":"or_","id":{"not_any_":[` + id + `]},"deployment":{"operator":"or_","is_null_":true},"name":{"like_":"x"},"tags":{"is_null_":false}}}`: {Flows: &flow{
			Or: true, ID: &texts{NotAny: list}, Deployment: &flowrun.PresenceFilter{IsNull: yes}, Name: &taskrun.NameFilter{Like: "x"}, Tags: &flowrun.TagsFilter{IsNull: no},
		}},
		`{"deployments":{"id":{"any_":[` + id + `]},"name":{},"flow_or_deployment_name":{"like_":"x"},"paused":{"eq_":false},"tags":{"any_":[]},"work_queue_name":{"any_":["q"]},"concurrency_limit":{"ge_":1}}}`: {
			Deployments: &flowrun.DeploymentFilter{
				ID: &texts{Any: list}, Name: &taskrun.NameFilter{}, FlowOrDeploymentName: &taskrun.NameFilter{Like: "x"}, Paused: &flowrun.PausedFilter{Eq: no},
				Tags: &flowrun.TagsFilter{Any: []string{}}, WorkQueueName: &flowrun.AnyFilter{Any: []string{"q"}},
			},
		},
	} {
		_, parents, err := DecodeCount(bodyOf(t, body))
		if diff := cmp.Diff(want, parents); diff != "" || err != nil {
			t.Errorf("%s: %v, parents (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestDecodeDashboard(t *testing.T) {
	t.Parallel()
	const since = `"task_runs":{"start_time":{"after_":0}}`
	for body, pool := range map[string]bool{
		`{` + since + `}`:                   false,
		`{` + since + `,"work_pools":null}`: false,
		`{` + since + `,"work_pools":{}}`:   true,
		`{` + since + `,"flows":{},"work_queues":{"name":{"startswith_":["x"]}}}`: true,
	} {
		f, parents, err := DecodeDashboard(bodyOf(t, body))
		if err != nil || f.StartTime.After == nil || (parents.WorkPools || parents.WorkQueues) != pool {
			t.Errorf("%s: %v, parents %+v", body, err, parents)
		}
	}
	for body, want := range map[string]string{
		"[]": `missing["body","task_runs"] missing["body","flows"] missing["body","flow_runs"] missing["body","deployments"] ` +
			`missing["body","work_pools"] missing["body","work_queues"]`,
		`{"flows":1,"work_queues":{"zz":1,"name":{"startswith_":[1]}},"work_pools":{"type":{"any_":1}}}`: `missing["body","task_runs"] ` +
			`model_attributes_type["body","flows"] list_type["body","work_pools","type","any_"] ` +
			`string_type["body","work_queues","name","startswith_",0] extra_forbidden["body","work_queues","zz"]`,
	} {
		_, _, err := DecodeDashboard(bodyOf(t, body))
		if got := faultsOf(t, err); got != want || detailOf(err) != "" {
			t.Errorf("%s: faults %s, detail %q, want %s", body, got, detailOf(err), want)
		}
	}
}
