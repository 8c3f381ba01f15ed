package wire

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
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

func TestRuns_thatAFilterNeeds(t *testing.T) {
	t.Parallel()
	quarter := noon.Add(-15 * time.Minute)
	all := &taskrun.WatchOptions{Since: quarter}
	cases := map[string]struct {
		frame           string
		tasks, flowRuns *taskrun.WatchOptions // nil: none
	}{
		"all recent events": {`{"type":"filter","filter":{}}`, all, all},
		"for a minute": {
			`{"type":"filter","filter":{"occurred":{"since":"2026-08-21T11:59:00Z"}}}`,
			&taskrun.WatchOptions{Since: noon.Add(-time.Minute)}, &taskrun.WatchOptions{Since: noon.Add(-time.Minute)},
		},
		"for longer than the maximum": {`{"type":"filter","filter":{"occurred":{"since":"2020-01-01T00:00:00Z"}}}`, all, all},
		"no earlier events": {
			`{"type":"filter","backfill":false,"filter":{"occurred":{"since":"2026-08-21T11:59:00Z"}}}`,
			&taskrun.WatchOptions{Since: noon}, &taskrun.WatchOptions{Since: noon},
		},
		"runs of both kinds": {
			`{"type":"filter","filter":{"resource":{"id":["prefect.task-run.` + idKnown + `","prefect.flow-run.x"]}}}`,
			&taskrun.WatchOptions{Since: quarter, RunIDs: []string{idKnown}}, &taskrun.WatchOptions{Since: quarter, RunIDs: []string{"x"}},
		},
		"a task run": {
			`{"type":"filter","filter":{"resource":{"id":["prefect.task-run.` + idKnown + `"]}}}`,
			&taskrun.WatchOptions{Since: quarter, RunIDs: []string{idKnown}}, nil,
		},
		"no runs in the list":            {`{"type":"filter","filter":{"resource":{"id":[]}}}`, all, all},
		"the prefix of a kind":           {`{"type":"filter","filter":{"event":{"prefix":["prefect.flow-run."]}}}`, nil, all},
		"the prefix of both kinds":       {`{"type":"filter","filter":{"event":{"prefix":["prefect."]}}}`, all, all},
		"the beginning of a name":        {`{"type":"filter","filter":{"event":{"prefix":["prefect.task-run.Fa"]}}}`, all, nil},
		"a name":                         {`{"type":"filter","filter":{"event":{"name":["prefect.flow-run.Failed"]}}}`, nil, all},
		"without the prefix of a kind":   {`{"type":"filter","filter":{"event":{"exclude_prefix":["prefect.task-run"]}}}`, nil, all},
		"a name of no kind that is sent": {`{"type":"filter","filter":{"event":{"name":["mine"]}}}`, nil, nil},
	}
	for name, tc := range cases {
		filter, err := DecodeFilterFrame(parsed([]byte(tc.frame)))
		if err != nil {
			t.Fatal(err)
		}
		for kind, of := range map[string]struct {
			want *taskrun.WatchOptions
			get  func(time.Time) (taskrun.WatchOptions, bool)
		}{"task runs": {tc.tasks, filter.TaskRuns}, "flow runs": {tc.flowRuns, filter.FlowRuns}} {
			options, wanted := of.get(noon)
			if wanted != (of.want != nil) {
				t.Errorf("%s: %s wanted %t", name, kind, wanted)
			} else if wanted && !cmp.Equal(*of.want, options) {
				t.Errorf("%s: %s (-want +got):\n%s", name, kind, cmp.Diff(*of.want, options))
			}
		}
	}
}

// flowRunChange returns the change of a flow run from RUNNING to a COMPLETED state, Fine, and what it is related to.
func flowRunChange() (flowrun.Change, flowrun.Related) {
	message := "done"
	run := &flowrun.Run{ID: idKnown, FlowID: idFlowRun}
	run.Name, run.RunCount = "told", 1
	run.State = &orchestration.State{ID: idOther, Type: orchestration.Completed, Name: "Fine", Timestamp: noon, Message: &message}
	before := &orchestration.State{ID: idUnknown, Type: orchestration.Running, Name: "Running", Timestamp: noon.Add(-time.Minute)}
	related := flowrun.Related{
		Flow: &flowrun.Flow{ID: idFlowRun, Name: "etl"}, ParentRun: &taskrun.Run{ID: idOther, Name: "hold"}, Tags: []string{"a", "b"},
	}
	return flowrun.Change{Run: run, State: run.State, Previous: before, Received: noon.Add(time.Millisecond)}, related
}

func TestMatchesFlowRun_criteria(t *testing.T) {
	t.Parallel()
	change, related := flowRunChange()
	for text, want := range map[string]bool{
		`{}`: true,
		`{"event":{"prefix":["prefect.flow-run."]}}`:                 true,
		`{"event":{"prefix":["prefect.task-run."]}}`:                 false,
		`{"event":{"name":["prefect.flow-run.Fine"]}}`:               true,
		`{"event":{"name":["prefect.flow-run.Completed"]}}`:          false,
		`{"resource":{"id":["prefect.flow-run.` + idKnown + `"]}}`:   true,
		`{"resource":{"id":["prefect.task-run.` + idKnown + `"]}}`:   false,
		`{"related":{"id":["prefect.flow.` + idFlowRun + `"]}}`:      true,
		`{"related":{"id":["prefect.flow.` + idUnknown + `"]}}`:      false,
		`{"related":{"role":["tag"]}}`:                               true,
		`{"any_resource":{"id":["prefect.tag.b"]}}`:                  true,
		`{"any_resource":{"id":["prefect.tag.c"]}}`:                  false,
		`{"any_resource":{"id_prefix":["prefect.task-run."]}}`:       true,
		`{"resource":{"labels":{"prefect.state-type":"COMPLETED"}}}`: true,
		`{"id":{"id":["` + idUnknown + `"]}}`:                        false,
		`{"event":{"name":["prefect.flow-run.Completed","prefect.flow-run.Cancelled",` +
			`"prefect.flow-run.Failed","prefect.flow-run.Crashed"]}}`: true,
	} {
		filter := filterOf(t, text)
		if got := filter.MatchesFlowRun(&change, func(*flowrun.Run) flowrun.Related { return related }); got != want {
			t.Errorf("%s: matches %t, want %t", text, got, want)
		}
	}
}

func TestFlowRunEventFrame_content(t *testing.T) {
	t.Parallel()
	change, related := flowRunChange()
	const want = `{"type":"event","event":{"occurred":"2026-08-21T12:00:00Z","event":"prefect.flow-run.Fine",` +
		`"resource":{"prefect.resource.id":"prefect.flow-run.` + idKnown + `","prefect.resource.name":"told","prefect.run-count":"1",` +
		`"prefect.state-message":"done","prefect.state-name":"Fine","prefect.state-timestamp":"2026-08-21T12:00:00Z",` +
		`"prefect.state-type":"COMPLETED"},"related":[` +
		`{"prefect.resource.id":"prefect.flow.` + idFlowRun + `","prefect.resource.role":"flow","prefect.resource.name":"etl"},` +
		`{"prefect.resource.id":"prefect.task-run.` + idOther + `","prefect.resource.role":"task-run","prefect.resource.name":"hold"},` +
		`{"prefect.resource.id":"prefect.tag.a","prefect.resource.role":"tag"},{"prefect.resource.id":"prefect.tag.b","prefect.resource.role":"tag"}],` +
		`"payload":{"intended":{"from":"RUNNING","to":"COMPLETED"},"initial_state":{"type":"RUNNING","name":"Running"},` +
		`"validated_state":{"type":"COMPLETED","name":"Fine","message":"done"}},"id":"` + idOther + `","follows":"` + idUnknown + `",` +
		`"received":"2026-08-21T12:00:00.001000Z"}}`
	if got := string(AppendFlowRunEventFrame(nil, &change, related)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
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
