package wire

import (
	"strings"
	"testing"
)

func TestDecodeFlowRunIDs_errors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`null`:                     `missing["body","flow_run_ids"]`,
		`"x"`:                      `missing["body","flow_run_ids"]`,
		`{"flow_run_ids":null}`:    `missing["body","flow_run_ids"]`,
		`{"flow_run_ids":"x"}`:     `list_type["body","flow_run_ids"]`,
		`{"flow_run_ids":["x",1]}`: `uuid_parsing["body","flow_run_ids",0] uuid_type["body","flow_run_ids",1]`,
	} {
		_, err := DecodeFlowRunIDs(bodyOf(t, body))
		if got := faultsOf(t, err); got != want {
			t.Errorf("%s: faults %s, want %s", body, got, want)
		}
	}
}

func TestDecodeTaskWorkers_errors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`[]`:                        `missing["body","task_worker_filter"]`,
		`{"task_worker_filter":1}`:  `model_attributes_type["body","task_worker_filter"]`,
		`{"task_worker_filter":{}}`: `missing["body","task_worker_filter","task_keys"]`,
		`{"task_worker_filter":{"task_keys":null}}`: `list_type["body","task_worker_filter","task_keys"]`,
		`{"task_worker_filter":{"task_keys":[1]}}`:  `string_type["body","task_worker_filter","task_keys",0]`,
	} {
		_, err := DecodeTaskWorkers(bodyOf(t, body))
		if got := faultsOf(t, err); got != want {
			t.Errorf("%s: faults %s, want %s", body, got, want)
		}
	}
}

func TestDecodeObservedQuery_errors(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"limit=0":   `greater_than_equal["query","limit"]`,
		"limit=201": `less_than_equal["query","limit"]`,
		"limit=":    `int_parsing["query","limit"]`,
		"order_by=x&query=" + strings.Repeat("a", 101): `string_too_long["query","query"] enum["query","order_by"]`,
	} {
		_, err := DecodeObservedQuery(query)
		if got := faultsOf(t, err); got != want {
			t.Errorf("%s: faults %s, want %s", query, got, want)
		}
	}
}
