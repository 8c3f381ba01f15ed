package wire

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// filterOf decodes a filter.
func filterOf(t *testing.T, text string) EventFilter {
	t.Helper()
	filter, err := DecodeFilterFrame(parsed([]byte(`{"type":"filter","filter":` + text + `}`)))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return filter
}

func TestMatches_criteria(t *testing.T) {
	t.Parallel()
	const four = `"name":["prefect.task-run.Failed","prefect.task-run.Crashed","prefect.task-run.Completed","prefect.task-run.Cancelled"]`
	change := sample.Change(orchestration.Completed, "Cached")
	change.Run.FlowRunID = idFlowRun
	cases := map[string]struct {
		filter string
		want   bool
	}{
		"no criteria":                      {`{}`, true},
		"nulls":                            {`{"occurred":null,"event":null,"resource":null,"related":null,"any_resource":null,"id":null,"text":null,"order":null}`, true},
		"the name":                         {`{"event":{"name":["x","prefect.task-run.Cached"]}}`, true},
		"another name":                     {`{"event":{"name":["prefect.task-run.Completed"]}}`, false},
		"an empty list of names":           {`{"event":{"name":[],"prefix":[],"exclude_name":[],"exclude_prefix":[]}}`, true},
		"an empty list of ids":             {`{"id":{"id":[]},"resource":{"id":[],"id_prefix":[]},"related":{"id":[],"role":[]}}`, true},
		"the four names that futures use":  {`{"event":{` + four + `}}`, true},
		"the four names without this one":  {`{"event":{` + four + `,"exclude_name":["prefect.task-run.Cached"]}}`, false},
		"a prefix":                         {`{"event":{"prefix":["x","prefect.task-run."]}}`, true},
		"another prefix":                   {`{"event":{"prefix":["prefect.flow-run."]}}`, false},
		"an excluded prefix":               {`{"event":{"exclude_prefix":["prefect.task"]}}`, false},
		"since its time":                   {`{"occurred":{"since":"2026-08-21T12:00:00Z"}}`, true},
		"since a later time":               {`{"occurred":{"since":"2026-08-21T12:00:01Z"}}`, false},
		"until its time":                   {`{"occurred":{"until":"2026-08-21T12:00:00Z"}}`, true},
		"until an earlier time":            {`{"occurred":{"until":"2026-08-21T11:59:59Z"}}`, false},
		"the id":                           {`{"id":{"id":["` + idOther + `"]}}`, true},
		"another id":                       {`{"id":{"id":["` + idUnknown + `"]}}`, false},
		"the run":                          {`{"resource":{"id":["prefect.task-run.` + idKnown + `"]}}`, true},
		"another run":                      {`{"resource":{"id":["prefect.task-run.` + idUnknown + `"]}}`, false},
		"a flow run":                       {`{"resource":{"id":["prefect.flow-run.` + idKnown + `"]}}`, false},
		"runs":                             {`{"resource":{"id_prefix":["prefect.task-run."]}}`, true},
		"flow runs":                        {`{"resource":{"id_prefix":["prefect.flow-run."]}}`, false},
		"a label value":                    {`{"resource":{"labels":{"prefect.state-type":"COMPLETED"}}}`, true},
		"one of several label values":      {`{"resource":{"labels":{"prefect.state-type":["FAILED","COMPLETED"]}}}`, true},
		"another label value":              {`{"resource":{"labels":{"prefect.state-type":"FAILED"}}}`, false},
		"a label prefix":                   {`{"resource":{"labels":{"prefect.state-type":"COMP*"}}}`, true},
		"a missing label":                  {`{"resource":{"labels":{"nope":"*"}}}`, false},
		"an excluded label value":          {`{"resource":{"labels":{"prefect.state-type":"!COMPLETED"}}}`, false},
		"other excluded label values":      {`{"resource":{"labels":{"prefect.state-type":["!FAILED","!CRASHED"]}}}`, true},
		"related to the flow run":          {`{"related":{"id":["prefect.flow-run.` + idFlowRun + `"],"role":["flow-run"]}}`, true},
		"related in another role":          {`{"related":{"id":["prefect.flow-run.` + idFlowRun + `"],"role":["tag"]}}`, false},
		"any resource, the run":            {`{"any_resource":{"id":["prefect.task-run.` + idKnown + `"]}}`, true},
		"any resource, the flow run":       {`{"any_resource":{"id_prefix":["prefect.flow-run."]}}`, true},
		"any resource, none":               {`{"any_resource":{"id":["x"]}}`, false},
		"one criterion met and one not":    {`{"event":{"name":["prefect.task-run.Cached"]},"id":{"id":["` + idUnknown + `"]}}`, false},
		"the filter of the Prefect client": {`{"occurred":{"since":"2026-08-21T11:59:00Z","until":"2027-08-21T12:00:00Z"},"event":{"prefix":null,"exclude_prefix":null,` + four + `,"exclude_name":null},"resource":null,"related":null,"any_resource":null,"id":{"id":[]},"text":null,"order":"DESC"}`, true},
	}
	for name, tc := range cases {
		filter := filterOf(t, tc.filter)
		if got := filter.Matches(&change); got != tc.want {
			t.Errorf("%s: matches = %t, want %t", name, got, tc.want)
		}
	}
	behind := sample.Change(orchestration.Completed, "Completed")
	behind.State.Timestamp = noon.Add(-time.Hour)
	if filter := filterOf(t, `{"occurred":{"since":"2026-08-21T12:00:00Z"}}`); !filter.Matches(&behind) {
		t.Error("an end that is recorded since is left out, for the clock of its worker is behind")
	}
	running := sample.Change(orchestration.Running, "Retrying")
	filter := filterOf(t, `{"event":{`+four+`}}`)
	if filter.Matches(&running) {
		t.Error("a run that goes on is taken for one that has ended")
	}
}

func TestWatchOptions_ofAFilter(t *testing.T) {
	t.Parallel()
	quarter := noon.Add(-15 * time.Minute)
	cases := map[string]struct {
		frame string
		want  taskrun.WatchOptions
	}{
		"all recent events":           {`{"type":"filter","filter":{}}`, taskrun.WatchOptions{Since: quarter}},
		"for a minute":                {`{"type":"filter","filter":{"occurred":{"since":"2026-08-21T11:59:00Z"}}}`, taskrun.WatchOptions{Since: noon.Add(-time.Minute)}},
		"for longer than the maximum": {`{"type":"filter","filter":{"occurred":{"since":"2020-01-01T00:00:00Z"}}}`, taskrun.WatchOptions{Since: quarter}},
		"no earlier events":           {`{"type":"filter","backfill":false,"filter":{"occurred":{"since":"2026-08-21T11:59:00Z"}}}`, taskrun.WatchOptions{Since: noon}},
		"some runs": {
			`{"type":"filter","filter":{"resource":{"id":["prefect.task-run.` + idKnown + `","prefect.flow-run.x"]}}}`,
			taskrun.WatchOptions{Since: quarter, RunIDs: []string{idKnown}},
		},
		"no runs in the list": {`{"type":"filter","filter":{"resource":{"id":[]}}}`, taskrun.WatchOptions{Since: quarter}},
	}
	for name, tc := range cases {
		filter, err := DecodeFilterFrame(parsed([]byte(tc.frame)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, filter.WatchOptions(noon)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeFilterFrame_errors(t *testing.T) {
	t.Parallel()
	const prefix = "Invalid filter: "
	for text, want := range map[string]string{
		`{"nope":1}`:                                     "nope: Extra inputs are not permitted",
		`{"occurred":{"before":1}}`:                      "occurred.before: Extra inputs are not permitted",
		`{"event":{"names":[]}}`:                         "event.names: Extra inputs are not permitted",
		`{"resource":{"role":["x"]}}`:                    "resource.role: Extra inputs are not permitted",
		`{"related":{"distinct":true}}`:                  "related.distinct: Extra inputs are not permitted",
		`{"any_resource":{"distinct":true}}`:             "any_resource.distinct: Extra inputs are not permitted",
		`{"id":{"ids":[]}}`:                              "id.ids: Extra inputs are not permitted",
		`{"id":{"id":["x"]}}`:                            "id.id.0: Input should be a valid UUID, invalid character: found `x` at 1",
		`{"event":[]}`:                                   "event: Input should be a valid dictionary or object to extract fields from",
		`{"occurred":{"since":"x"}}`:                     "occurred.since: Value error, Unable to parse string [x]",
		`{"order":"UP"}`:                                 "order: Input should be 'ASC' or 'DESC'",
		`{"text":{"query":"boom"}}`:                      "text: Value error, a search for text is not served",
		`{"resource":{"distinct":true}}`:                 "resource.distinct: Value error, this is not served",
		`{"related":{"resources_in_roles":[["a","b"]]}}`: "related.resources_in_roles: Value error, this is not served",
		`{"resource":{"labels":{"a":1}}}`:                "resource.labels.a: Input should be a valid list",
	} {
		_, err := DecodeFilterFrame(parsed([]byte(`{"type":"filter","filter":` + text + `}`)))
		if diff := cmp.Diff(prefix+want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
