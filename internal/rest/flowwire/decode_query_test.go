package flowwire

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDecodeRunFilter(t *testing.T) {
	t.Parallel()
	standard := flowrun.Query{Sort: flowrun.SortIDDesc, Limit: 200}
	for body, want := range map[string]flowrun.Query{
		"null":               standard,
		"{}":                 standard,
		`{"nonsense":1}`:     standard,
		`{"work_queues":{}}`: standard, // the key of another route
		`{"flows":null,"flow_runs":null,"task_runs":null,"deployments":null,"work_pools":null,"work_pool_queues":null,"sort":null,"limit":null,"offset":null}`: standard,
		`{"sort":"START_TIME_DESC","limit":"2","offset":3.0}`: {Sort: flowrun.SortStartTimeDesc, Limit: 2, Offset: 3},
		`{"flow_runs":{"parent_task_run_id":{"any_":["` + idOther + `"]}},"sort":"EXPECTED_START_TIME_DESC","limit":1}`: {
			Filters: flowrun.Filters{Runs: &flowrun.RunFilter{ParentTaskRunID: &flowrun.NullableFilter{Any: []string{idOther}}}},
			Sort:    flowrun.SortExpectedStartTimeDesc, Limit: 1,
		},
		`{"flows":{},"flow_runs":{},"task_runs":{},"deployments":{},"work_pools":{},"work_pool_queues":{"name":{"any_":["x"]}}}`: {
			Filters: flowrun.Filters{
				Flows: &flowrun.FlowFilter{}, Runs: &flowrun.RunFilter{}, TaskRuns: &taskrun.Filter{}, Deployments: &flowrun.DeploymentFilter{},
				WorkPools: true, WorkQueues: true,
			},
			Sort: flowrun.SortIDDesc, Limit: 200,
		},
	} {
		q, err := DecodeRunFilter(parse(t, body))
		if diff := cmp.Diff(want, q); diff != "" || err != nil {
			t.Errorf("%s: %v, query (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestDecodeFlowFilter(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]flowrun.FlowQuery{
		"null": {Sort: flowrun.FlowSortNameAsc, Limit: 200},
		`{"sort":"CREATED_DESC","limit":2,"offset":1,"flows":{"tags":{"all_":["x"]}},"work_pools":{},"work_pool_queues":{}}`: {
			Filters: flowrun.Filters{Flows: &flowrun.FlowFilter{Tags: &flowrun.TagsFilter{All: []string{"x"}}}, WorkPools: true},
			Sort:    flowrun.FlowSortCreatedDesc, Limit: 2, Offset: 1,
		},
	} {
		q, err := DecodeFlowFilter(parse(t, body))
		if diff := cmp.Diff(want, q); diff != "" || err != nil {
			t.Errorf("%s: %v, query (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestDecodePagesOfFlowsAndRuns(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct{ limit, offset, page int }{
		"null":                            {200, 0, 1},
		`{"page":4,"limit":3,"offset":7}`: {3, 9, 4},
		`{"page":4,"limit":0}`:            {0, 0, 4},
		`{"page":99999999999999999999,"limit":2}`: {2, math.MaxInt, math.MaxInt},
	} {
		runs, page, err := DecodeRunPaginate(parse(t, body))
		if err != nil || runs.Limit != want.limit || runs.Offset != want.offset || page != want.page || !runs.Counted {
			t.Errorf("runs, %s: %v, page %d of %+v, want %+v", body, err, page, runs, want)
		}
		flows, page, err := DecodeFlowPaginate(parse(t, body))
		if err != nil || flows.Limit != want.limit || flows.Offset != want.offset || page != want.page || !flows.Counted {
			t.Errorf("flows, %s: %v, page %d of %+v, want %+v", body, err, page, flows, want)
		}
	}
}

func TestDecodeRunHistory(t *testing.T) {
	t.Parallel()
	q, err := DecodeRunHistory(parse(t, `{"history_start":1787313600,"history_end":1787313660,"history_interval_seconds":1.5,"flows":{},"work_queues":{}}`))
	want := flowrun.HistoryQuery{
		Filters: flowrun.Filters{Flows: &flowrun.FlowFilter{}, WorkQueues: true},
		Window:  taskrun.Window{Start: noon, End: noon.Add(time.Minute), Interval: 1_500_000},
	}
	if diff := cmp.Diff(want, q); diff != "" || err != nil {
		t.Errorf("%v, query (-want +got):\n%s", err, diff)
	}
}

func TestDecodeBulk(t *testing.T) {
	t.Parallel()
	byID := flowrun.Filters{Runs: &flowrun.RunFilter{ID: &flowrun.ListFilter[string]{Any: []string{idOther}}}}
	const filter = `"flow_runs":{"id":{"any_":["` + idOther + `"]}}`
	runs, err := DecodeRunBulkDelete(parse(t, `{`+filter+`,"limit":"7","flows":{"zz":1}}`))
	if diff := cmp.Diff(flowrun.Query{Filters: byID, Sort: flowrun.SortIDDesc, Limit: 7}, runs); diff != "" || err != nil {
		t.Errorf("%v, runs to delete (-want +got):\n%s", err, diff)
	}
	flows, err := DecodeFlowBulkDelete(parse(t, `{"flows":{},"limit":null}`))
	if diff := cmp.Diff(flowrun.FlowQuery{Filters: flowrun.Filters{Flows: &flowrun.FlowFilter{}}, Sort: flowrun.FlowSortNameAsc, Limit: 50}, flows); diff != "" || err != nil {
		t.Errorf("%v, flows to delete (-want +got):\n%s", err, diff)
	}
	runs, proposal, err := DecodeBulkSetState(parse(t, `{`+filter+`,"state":{"type":"CANCELLING","message":"m"},"force":true}`))
	if diff := cmp.Diff(flowrun.Query{Filters: byID, Sort: flowrun.SortIDDesc, Limit: 50}, runs); diff != "" || err != nil {
		t.Errorf("%v, runs to cancel (-want +got):\n%s", err, diff)
	}
	if proposal.Type != orchestration.Cancelling || proposal.Message == nil || *proposal.Message != "m" || !proposal.Force {
		t.Errorf("proposal %+v", proposal)
	}
}

func TestDecodePointHistory(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]flowrun.Query{
		"null":         {Sort: flowrun.SortExpectedStartTimeDesc, Limit: 1000},
		`{"limit":-1}`: {Sort: flowrun.SortExpectedStartTimeDesc, Limit: 1000},
		`{"limit":3,"offset":2,"sort":"NAME_ASC"}`: {Sort: flowrun.SortNameAsc, Limit: 3, Offset: 2},
	} {
		q, err := DecodePointHistory(parse(t, body))
		if diff := cmp.Diff(want, q); diff != "" || err != nil {
			t.Errorf("%s: %v, query (-want +got):\n%s", body, err, diff)
		}
	}
}

// The order of the faults is that of the parameters in Prefect.
func TestFaultsOfQueries(t *testing.T) {
	t.Parallel()
	const (
		five = `missing["body","flows"] missing["body","flow_runs"] missing["body","task_runs"] missing["body","deployments"] missing["body","work_pools"]`
		bad  = `{"sort":"x","offset":"x","page":"x","flows":{"tags":{"any_":[]}},"flow_runs":{"zz":1,"operator":null,"state":{"name":{"any_":[1]}}},` +
			`"deployments":{"concurrency_limit":{"ge_":"x"},"paused":{"eq_":"x"}},"limit":"x","state":{},"force":"x"}`
		faultsOfFlows = `extra_forbidden["body","flows","tags","any_"]`
		faultsOfRuns  = `enum["body","flow_runs","operator"] string_type["body","flow_runs","state","name","any_",0] extra_forbidden["body","flow_runs","zz"]`
		faultsOfAll   = faultsOfFlows + " " + faultsOfRuns +
			` bool_parsing["body","deployments","paused","eq_"] int_parsing["body","deployments","concurrency_limit","ge_"]`
		limit = `int_parsing["body","limit"]`
	)
	for name, tt := range map[string]struct{ none, bad string }{
		"POST /flow_runs/filter":         {`missing["body","limit"] missing["body","sort"] missing["body","offset"] ` + five + ` missing["body","work_pool_queues"]`, limit + ` enum["body","sort"] int_parsing["body","offset"] ` + faultsOfAll},
		"POST /flow_runs/paginate":       {`missing["body","limit"] missing["body","sort"] missing["body","page"] ` + five + ` missing["body","work_pool_queues"]`, limit + ` enum["body","sort"] int_parsing["body","page"] ` + faultsOfAll},
		"POST /flow_runs/count":          {five + ` missing["body","work_pool_queues"]`, faultsOfAll},
		"POST /flows/filter":             {`missing["body","limit"] missing["body","offset"] ` + five + ` missing["body","sort"]`, limit + ` int_parsing["body","offset"] ` + faultsOfAll + ` enum["body","sort"]`},
		"POST /flows/paginate":           {`missing["body","limit"] missing["body","page"] ` + five + ` missing["body","sort"]`, limit + ` int_parsing["body","page"] ` + faultsOfAll + ` enum["body","sort"]`},
		"POST /flows/count":              {five, faultsOfAll},
		"POST /flows/bulk_delete":        {`missing["body","flows"] missing["body","limit"]`, faultsOfFlows + " " + limit},
		"POST /flow_runs/bulk_delete":    {`missing["body","flow_runs"] missing["body","limit"]`, faultsOfRuns + " " + limit},
		"POST /flow_runs/bulk_set_state": {`missing["body","flow_runs"] missing["body","state"] missing["body","force"] missing["body","limit"]`, faultsOfRuns + ` missing["body","state","type"] bool_parsing["body","force"] ` + limit},
		"POST /ui/flow_runs/history":     {`missing["body","sort"] missing["body","limit"] missing["body","offset"] ` + five, `enum["body","sort"] ` + limit + ` int_parsing["body","offset"] ` + faultsOfAll},
	} {
		if got := faultsOf(t, decoders[name](parse(t, "[]"), nil)); got != tt.none {
			t.Errorf("%s of a list: faults\n%s, want\n%s", name, got, tt.none)
		}
		if got := faultsOf(t, decoders[name](parse(t, bad), nil)); got != tt.bad {
			t.Errorf("%s: faults\n%s, want\n%s", name, got, tt.bad)
		}
	}
}
