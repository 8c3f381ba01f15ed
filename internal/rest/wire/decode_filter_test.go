package wire

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDecodeFilter_readsPages(t *testing.T) {
	t.Parallel()
	standard := taskrun.Query{Sort: taskrun.SortIDDesc, Limit: 200}
	for body, want := range map[string]taskrun.Query{
		"null":         standard,
		"{}":           standard,
		`{"nobody":1}`: standard,
		`{"flows":null,"flow_runs":null,"task_runs":null,"deployments":null,"sort":null,"limit":null,"offset":null}`: standard,
		`{"sort":"NAME_ASC","limit":"2","offset":3.0}`:                                                               {Sort: taskrun.SortNameAsc, Limit: 2, Offset: 3},
		`{"limit":0}`: {Sort: taskrun.SortIDDesc},
		`{"limit":true,"offset":99999999999999999999}`: {Sort: taskrun.SortIDDesc, Limit: 1, Offset: math.MaxInt},
	} {
		q, _, err := DecodeFilter(bodyOf(t, body))
		if diff := cmp.Diff(want, q); diff != "" || err != nil {
			t.Errorf("%s: %v, query (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestDecodeFilter_readsTaskRuns(t *testing.T) {
	t.Parallel()
	const id = "0198a1b2-0000-7000-8000-00000000000a"
	yes, no := true, false
	for filter, want := range map[string]taskrun.Filter{
		"null": {},
		"{}":   {},
		`{"operator":"and_","id":null,"name":null,"tags":null,"state":null,"start_time":null,"end_time":null,"subflow_runs":null,"flow_run_id":null}`: {},
		`{"id":{"any_":["` + strings.ToUpper(id) + `"]}}`:                  {ID: &taskrun.IDFilter{Any: []string{id}}},
		`{"id":{"any_":[]}}`:                                               {ID: &taskrun.IDFilter{Any: []string{}}},
		`{"id":{"any_":null}}`:                                             {ID: &taskrun.IDFilter{}},
		`{"operator":"or_","name":{"any_":["a"],"like_":"b%"}}`:            {Or: true, Name: &taskrun.NameFilter{Any: []string{"a"}, Like: "b%"}},
		`{"tags":{"operator":"or_","all_":["a"],"is_null_":true}}`:         {Tags: &taskrun.TagsFilter{Or: true, All: []string{"a"}, IsNull: &yes}},
		`{"state":{"type":{"any_":["RUNNING"]},"name":{"any_":["Late"]}}}`: {State: &taskrun.StateFilter{Types: []orchestration.StateType{orchestration.Running}, Names: []string{"Late"}}},
		`{"state":{"operator":"or_","type":{},"name":null}}`:               {State: &taskrun.StateFilter{Or: true}},
		`{"state":{"type":{"any_":[]}}}`:                                   {State: &taskrun.StateFilter{Types: []orchestration.StateType{}}},
		`{"flow_run_id":{}}`:                                               {FlowRunID: &taskrun.FlowRunIDFilter{IsNull: &no}},
		`{"flow_run_id":{"operator":"or_","is_null_":true,"any_":[]}}`:     {FlowRunID: &taskrun.FlowRunIDFilter{Or: true, IsNull: &yes, Any: []string{}}},
		`{"flow_run_id":{"is_null_":null,"any_":["` + id + `"]}}`:          {FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{id}}},
		`{"start_time":{},"subflow_runs":{"exists_":null}}`:                {StartTime: &taskrun.TimeFilter{}, Subflows: &taskrun.SubflowFilter{}},
		`{"operator":"or_","id":{"any_":[]},"end_time":{}}`:                {Or: true, ID: &taskrun.IDFilter{Any: []string{}}, EndTime: &taskrun.TimeFilter{}},
		`{"start_time":{"after_":0,"before_":"2026-08-21T12:00:00Z","is_null_":false}}`: {
			StartTime: &taskrun.TimeFilter{After: new(time.Unix(0, 0).UTC()), Before: &noon, IsNull: &no},
		},
		`{"end_time":{"is_null_":"yes"}}`:                              {EndTime: &taskrun.TimeFilter{IsNull: &yes}},
		`{"expected_start_time":{"after_":null,"before_":1787313600}}`: {ExpectedStartTime: &taskrun.TimeFilter{Before: &noon}},
		`{"subflow_runs":{"exists_":true}}`:                            {Subflows: &taskrun.SubflowFilter{Exists: &yes}},
	} {
		f, _, err := DecodeCount(bodyOf(t, `{"task_runs":`+filter+`}`))
		if diff := cmp.Diff(want, f); diff != "" || err != nil {
			t.Errorf("%s: %v, filter (-want +got):\n%s", filter, err, diff)
		}
	}
}

func TestDecodeFilter_limitOutOfRange(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"limit":-1,"offset":-1}`:        textLimitBelow,
		`{"limit":201,"task_runs":1}`:     textLimitAbove,
		`{"limit":99999999999999999999}`:  textLimitAbove,
		`{"limit":-99999999999999999999}`: textLimitBelow,
	} {
		_, _, err := DecodeFilter(bodyOf(t, body))
		if detailOf(err) != want {
			t.Errorf("%s: detail %q, want %q", body, detailOf(err), want)
		}
	}
}

func TestDecodeFilter_errors(t *testing.T) {
	t.Parallel()
	const four = `missing["body","flows"] missing["body","flow_runs"] missing["body","task_runs"] missing["body","deployments"]`
	for body, want := range map[string]string{
		"[]": `missing["body","limit"] missing["body","sort"] missing["body","offset"] ` + four,
		`{"offset":-1,"sort":"x","limit":"x","flows":1}`:          `int_parsing["body","limit"] enum["body","sort"] greater_than_equal["body","offset"] model_attributes_type["body","flows"]`,
		`{"task_runs":{"zz":1,"operator":null}}`:                  `enum["body","task_runs","operator"] extra_forbidden["body","task_runs","zz"]`,
		`{"task_runs":{"start_time":{"after_":"x"}}}`:             `value_error["body","task_runs","start_time","after_"]`,
		`{"task_runs":{"expected_start_time":{"is_null_":true}}}`: `extra_forbidden["body","task_runs","expected_start_time","is_null_"]`,
		`{"flow_runs":{"zz":1,"operator":null,"state":{"name":{"any_":[1]}},"created_by":{"id_":["x"]}}}`: `enum["body","flow_runs","operator"] ` +
			`string_type["body","flow_runs","state","name","any_",0] uuid_parsing["body","flow_runs","created_by","id_",0] extra_forbidden["body","flow_runs","zz"]`,
		`{"deployments":{"concurrency_limit":{"ge_":"x"},"tags":{"any_":"x"}}}`: `list_type["body","deployments","tags","any_"] int_parsing["body","deployments","concurrency_limit","ge_"]`,
	} {
		_, _, err := DecodeFilter(bodyOf(t, body))
		if got := faultsOf(t, err); got != want || detailOf(err) != "" {
			t.Errorf("%s: faults %s, detail %q, want %s", body, got, detailOf(err), want)
		}
	}
	_, _, err := DecodeCount(pyjson.StringValue("x"))
	if got := faultsOf(t, err); got != four {
		t.Errorf("count: faults %s, want %s", got, four)
	}
}
