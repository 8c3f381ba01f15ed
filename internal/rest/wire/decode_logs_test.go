package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDecodeLogs_errors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`null`: `missing["body"]`,
		`"x"`:  `sequence_str["body"]`,
		`1`:    `is_instance_of["body"]`,
		`{}`:   `is_instance_of["body"]`,
		`[1]`:  `model_attributes_type["body",0]`,
		`[{}]`: `missing["body",0,"name"] missing["body",0,"level"] missing["body",0,"message"] missing["body",0,"timestamp"]`,
		`[{"name":1,"level":"x","message":null,"timestamp":"x","flow_run_id":1,"task_run_id":"x","id":1}]`: `string_type["body",0,"name"] ` +
			`int_parsing["body",0,"level"] string_type["body",0,"message"] value_error["body",0,"timestamp"] uuid_type["body",0,"flow_run_id"] ` +
			`uuid_parsing["body",0,"task_run_id"] extra_forbidden["body",0,"id"]`,
	} {
		_, err := DecodeLogs(bodyOf(t, body))
		if got := faultsOf(t, err); got != want {
			t.Errorf("%s: faults %s, want %s", body, got, want)
		}
	}
}

func TestDecodeLogFilter_readsParameters(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]logs.Query{
		`null`: {Limit: 200},
		`{"limit":2,"offset":3,"sort":"TIMESTAMP_DESC","logs":{}}`: {Limit: 2, Offset: 3, Descending: true},
		`{"sort":"TIMESTAMP_ASC","logs":{"operator":"or_","level":{"ge_":1,"le_":"2"},"timestamp":{"after_":"2026-08-21T12:00:00Z"}}}`: {
			Limit: 200, Filter: logs.Filter{
				Or: true, Level: &logs.LevelFilter{AtLeast: new(1), AtMost: new(2)}, Timestamp: &taskrun.TimeFilter{After: &noon},
			},
		},
		`{"logs":{"flow_run_id":{"any_":["` + idKnown + `"]},"task_run_id":{"any_":[],"is_null_":true},"text":{"query":"a -b"}}}`: {
			Limit: 200, Filter: logs.Filter{
				FlowRunID: &taskrun.IDFilter{Any: []string{idKnown}}, TaskRunID: &logs.RunFilter{Any: []string{}, IsNull: new(true)},
				Text: &logs.TextFilter{AnyOf: []string{"a"}, NoneOf: []string{"b"}},
			},
		},
	} {
		q, err := DecodeLogFilter(bodyOf(t, body))
		if diff := cmp.Diff(want, q); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
		}
	}
	for body, want := range map[string]string{
		`[]`:                                `missing["body","limit"] missing["body","offset"] missing["body","logs"] missing["body","sort"]`,
		`{"offset":-1,"logs":1,"sort":"x"}`: `greater_than_equal["body","offset"] model_attributes_type["body","logs"] enum["body","sort"]`,
		`{"logs":{"text":{},"zz":1}}`:       `missing["body","logs","text","query"] extra_forbidden["body","logs","zz"]`,
		`{"logs":{"text":{"query":"` + strings.Repeat("é", 201) + `"}}}`: `string_too_long["body","logs","text","query"]`,
	} {
		_, err := DecodeLogFilter(bodyOf(t, body))
		if got := faultsOf(t, err); got != want {
			t.Errorf("%s: faults %s, want %s", body, got, want)
		}
	}
	if _, err := DecodeLogFilter(bodyOf(t, `{"limit":201,"offset":-1}`)); detailOf(err) != textLimitAbove {
		t.Errorf("a limit of 201: %v", err)
	}
}

func TestSearchOf_terms(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]logs.TextFilter{
		``:                        {},
		" \t ":                    {},
		`error`:                   {AnyOf: []string{"error"}},
		`error  -debug !trace +x`: {AnyOf: []string{"error"}, NoneOf: []string{"debug", "trace"}, AllOf: []string{"x"}},
		`"connection timeout" a`:  {AnyOf: []string{"connection timeout", "a"}},
		`-"a b"+"c d"`:            {NoneOf: []string{"a b"}, AllOf: []string{"c d"}},
		`a"b c"d`:                 {AnyOf: []string{"a", "b c", "d"}},
		`- + !`:                   {},
		`a - b`:                   {AnyOf: []string{"a", "b"}},
		`--a`:                     {NoneOf: []string{"-a"}},
		`a-b`:                     {AnyOf: []string{"a-b"}},
		`"not closed`:             {AnyOf: []string{"not closed"}},
		`"" "  " a`:               {AnyOf: []string{"a"}},
		`"a \"b\" \\ \n é`:        {AnyOf: []string{`a "b" \ \n é`}},
		`"a\`:                     {AnyOf: []string{`a\`}},
		`+`:                       {},
		`"`:                       {},
		"é\u00a0-ü":               {AnyOf: []string{"é"}, NoneOf: []string{"ü"}},
	} {
		if diff := cmp.Diff(want, searchOf(query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}
