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

func TestFilterMatches(t *testing.T) {
	t.Parallel()
	const four = `"name":["prefect.task-run.Failed","prefect.task-run.Crashed","prefect.task-run.Completed","prefect.task-run.Cancelled"]`
	change := sample.Change(orchestration.Completed, "Cached")
	change.Run.FlowRunID = idFlowRun
	cases := map[string]struct {
		filter string
		want   bool
	}{
		"nothing asked":                    {`{}`, true},
		"nulls":                            {`{"occurred":null,"event":null,"resource":null,"related":null,"any_resource":null,"id":null,"text":null,"order":null}`, true},
		"its name":                         {`{"event":{"name":["x","prefect.task-run.Cached"]}}`, true},
		"another name":                     {`{"event":{"name":["prefect.task-run.Completed"]}}`, false},
		"no names in the list":             {`{"event":{"name":[],"prefix":[],"exclude_name":[],"exclude_prefix":[]}}`, true},
		"no ids in the list":               {`{"id":{"id":[]},"resource":{"id":[],"id_prefix":[]},"related":{"id":[],"role":[]}}`, true},
		"the four names of futures":        {`{"event":{` + four + `}}`, true},
		"the four, but not this one":       {`{"event":{` + four + `,"exclude_name":["prefect.task-run.Cached"]}}`, false},
		"a prefix":                         {`{"event":{"prefix":["x","prefect.task-run."]}}`, true},
		"another prefix":                   {`{"event":{"prefix":["prefect.flow-run."]}}`, false},
		"not of this prefix":               {`{"event":{"exclude_prefix":["prefect.task"]}}`, false},
		"since then":                       {`{"occurred":{"since":"2026-08-21T12:00:00Z"}}`, true},
		"since later":                      {`{"occurred":{"since":"2026-08-21T12:00:01Z"}}`, false},
		"until then":                       {`{"occurred":{"until":"2026-08-21T12:00:00Z"}}`, true},
		"until before":                     {`{"occurred":{"until":"2026-08-21T11:59:59Z"}}`, false},
		"its id":                           {`{"id":{"id":["` + idOther + `"]}}`, true},
		"another id":                       {`{"id":{"id":["` + idUnknown + `"]}}`, false},
		"its run":                          {`{"resource":{"id":["prefect.task-run.` + idKnown + `"]}}`, true},
		"another run":                      {`{"resource":{"id":["prefect.task-run.` + idUnknown + `"]}}`, false},
		"a flow run":                       {`{"resource":{"id":["prefect.flow-run.` + idKnown + `"]}}`, false},
		"runs":                             {`{"resource":{"id_prefix":["prefect.task-run."]}}`, true},
		"flow runs":                        {`{"resource":{"id_prefix":["prefect.flow-run."]}}`, false},
		"a label":                          {`{"resource":{"labels":{"prefect.state-type":"COMPLETED"}}}`, true},
		"a label of several":               {`{"resource":{"labels":{"prefect.state-type":["FAILED","COMPLETED"]}}}`, true},
		"a label of another":               {`{"resource":{"labels":{"prefect.state-type":"FAILED"}}}`, false},
		"a label that begins so":           {`{"resource":{"labels":{"prefect.state-type":"COMP*"}}}`, true},
		"a label that there is not":        {`{"resource":{"labels":{"nope":"*"}}}`, false},
		"a label that is not so":           {`{"resource":{"labels":{"prefect.state-type":"!COMPLETED"}}}`, false},
		"a label that is not that":         {`{"resource":{"labels":{"prefect.state-type":["!FAILED","!CRASHED"]}}}`, true},
		"related to its flow run":          {`{"related":{"id":["prefect.flow-run.` + idFlowRun + `"],"role":["flow-run"]}}`, true},
		"related in another role":          {`{"related":{"id":["prefect.flow-run.` + idFlowRun + `"],"role":["tag"]}}`, false},
		"any resource, the run":            {`{"any_resource":{"id":["prefect.task-run.` + idKnown + `"]}}`, true},
		"any resource, the flow run":       {`{"any_resource":{"id_prefix":["prefect.flow-run."]}}`, true},
		"any resource, neither":            {`{"any_resource":{"id":["x"]}}`, false},
		"a criterion that is met, one not": {`{"event":{"name":["prefect.task-run.Cached"]},"id":{"id":["` + idUnknown + `"]}}`, false},
		"what the Prefect client sends":    {`{"occurred":{"since":"2026-08-21T11:59:00Z","until":"2027-08-21T12:00:00Z"},"event":{"prefix":null,"exclude_prefix":null,` + four + `,"exclude_name":null},"resource":null,"related":null,"any_resource":null,"id":{"id":[]},"text":null,"order":"DESC"}`, true},
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

func TestWhatAFilterLooksAt(t *testing.T) {
	t.Parallel()
	quarter := noon.Add(-15 * time.Minute)
	cases := map[string]struct {
		frame string
		want  taskrun.WatchOptions
	}{
		"all recent events":        {`{"type":"filter","filter":{}}`, taskrun.WatchOptions{Since: quarter}},
		"since a minute":           {`{"type":"filter","filter":{"occurred":{"since":"2026-08-21T11:59:00Z"}}}`, taskrun.WatchOptions{Since: noon.Add(-time.Minute)}},
		"since longer than can be": {`{"type":"filter","filter":{"occurred":{"since":"2020-01-01T00:00:00Z"}}}`, taskrun.WatchOptions{Since: quarter}},
		"nothing of before":        {`{"type":"filter","backfill":false,"filter":{"occurred":{"since":"2026-08-21T11:59:00Z"}}}`, taskrun.WatchOptions{Since: noon}},
		"some runs": {
			`{"type":"filter","filter":{"resource":{"id":["prefect.task-run.` + idKnown + `","prefect.flow-run.x"]}}}`,
			taskrun.WatchOptions{Since: quarter, RunIDs: []string{idKnown}},
		},
		"no run in the list": {`{"type":"filter","filter":{"resource":{"id":[]}}}`, taskrun.WatchOptions{Since: quarter}},
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

func TestFiltersThatAreRefused(t *testing.T) {
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
