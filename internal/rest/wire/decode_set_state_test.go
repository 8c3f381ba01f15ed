package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDecodeSetState_readsParameters(t *testing.T) {
	t.Parallel()
	no := false
	details := orchestration.StateDetails{Deferred: &no}
	for body, want := range map[string]taskrun.Proposal{
		`{"state":{"type":"RUNNING"}}`:                              {Type: orchestration.Running, Details: details},
		`{"state":{"type":"RUNNING"},"force":true,"other":1}`:       {Type: orchestration.Running, Details: details, Force: true},
		`{"state":{"type":"RUNNING"},"force":"yes"}`:                {Type: orchestration.Running, Details: details, Force: true},
		`{"state":{"type":"RUNNING","data":null},"force":null}`:     {Type: orchestration.Running, Details: details},
		`{"state":{"type":"COMPLETED","data":"x"},"force":0}`:       {Type: orchestration.Completed, Details: details, Data: []byte(`"x"`)},
		`{"state":{"type":"COMPLETED","name":null,"message":null}}`: {Type: orchestration.Completed, Details: details},
	} {
		got, err := DecodeSetState(bodyOf(t, body))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: faults %s, proposal (-want +got):\n%s", body, faultsOf(t, err), diff)
		}
	}
	for body, want := range map[string]string{
		"null":           `missing["body","state"]`,
		"{}":             `missing["body","state"]`,
		`{"state":null}`: `missing["body","state"]`,
		"[]":             `missing["body","state"] missing["body","force"]`,
		`"x"`:            `missing["body","state"] missing["body","force"]`,
		`{"state":"x"}`:  `model_attributes_type["body","state"]`,
		`{"force":"x"}`:  `missing["body","state"] bool_parsing["body","force"]`,
		`{"state":{"id":1,"type":"X","state_details":null}}`: `enum["body","state","type"] model_attributes_type["body","state","state_details"] extra_forbidden["body","state","id"]`,
	} {
		if _, err := DecodeSetState(bodyOf(t, body)); faultsOf(t, err) != want {
			t.Errorf("%s: faults %s, want %s", body, faultsOf(t, err), want)
		}
	}
}

func TestDecodeStatesQuery_readsTheRun(t *testing.T) {
	t.Parallel()
	const id = "0198a1b2-0000-7000-8000-00000000000a"
	for query, want := range map[string]string{
		"task_run_id=" + id:                        id,
		"task_run_id=x&task_run_id=" + id + "&y=1": id,
		"task_run_id=0198A1B2000070008000-00000000000a&task_run_id=urn%3Auuid%3A" + id: id,
	} {
		if got, err := DecodeStatesQuery(query, "task_run_id"); got != want || err != nil {
			t.Errorf("%s: %q, faults %s, want %s", query, got, faultsOf(t, err), want)
		}
	}
	for query, want := range map[string]string{
		"":                      `missing["query","task_run_id"]`,
		"x=%zz":                 `missing["query","task_run_id"]`,
		"task_run_id=%zz":       `uuid_parsing["query","task_run_id"]`,
		"task_run_id=":          `uuid_parsing["query","task_run_id"]`,
		"task_run_id=" + id[1:]: `uuid_parsing["query","task_run_id"]`,
	} {
		if _, err := DecodeStatesQuery(query, "task_run_id"); faultsOf(t, err) != want {
			t.Errorf("%q: faults %s, want %s", query, faultsOf(t, err), want)
		}
	}
}
