package orchestration

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHandleFlowTerminalStateTransitions(t *testing.T) {
	t.Parallel()
	data := func(text string) func(*FlowRunFacts) {
		return func(f *FlowRunFacts) { f.Progress.State.Data = json.RawMessage(text) }
	}
	proposes := func(text string) func(*FlowRunFacts) {
		return func(f *FlowRunFacts) { f.Proposed.Data = json.RawMessage(text) }
	}
	result, unpersisted := `{"storage_key":"k"}`, `{"type":"unpersisted"}`
	restart := marked(FlowRunMarks{})
	completed := Verdict{Status: Reject, Reason: "Run is already COMPLETED."}
	kept := Verdict{Status: Reject, Reason: resultKept}

	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"cancelling what has completed aborts":        {flowRunFacts(Completed, Cancelling), Verdict{Status: Abort, Reason: "Run is already in terminal state COMPLETED."}},
		"pausing what has failed aborts":              {flowRunFacts(Failed, Paused), Verdict{Status: Abort, Reason: "Run is already in terminal state FAILED."}},
		"crashing what was cancelled aborts":          {flowRunFacts(Cancelled, Crashed), Verdict{Status: Abort, Reason: "Run is already in terminal state CANCELLED."}},
		"the type comes before the result":            {flowRunFacts(Completed, Crashed, data(result)), Verdict{Status: Abort, Reason: "Run is already in terminal state COMPLETED."}},
		"a persisted result keeps a run completed":    {flowRunFacts(Completed, Running, data(result)), completed},
		"also before it asks for a deployment":        {flowRunFacts(Completed, Scheduled, data(result)), completed},
		"a result that was not persisted does not":    {flowRunFacts(Completed, Running, data(unpersisted)), restart},
		"nor does an empty object":                    {flowRunFacts(Completed, Running, data(`{}`)), restart},
		"nor does a list, other than for a task run":  {flowRunFacts(Completed, Running, data(`[1]`)), restart},
		"nor does a text":                             {flowRunFacts(Completed, Running, data(`"text"`)), restart},
		"nor does the result of a failed run":         {flowRunFacts(Failed, Running, data(result)), restart},
		"a result is not lost to no result":           {flowRunFacts(Completed, Completed, data(result)), kept},
		"nor to one that was not persisted":           {flowRunFacts(Completed, Completed, data(result), proposes(unpersisted)), kept},
		"nor to an empty object":                      {flowRunFacts(Completed, Completed, data(result), proposes(`{}`)), kept},
		"another result replaces it":                  {flowRunFacts(Completed, Completed, data(result), proposes(`{"a":1}`)), Verdict{}},
		"a completed run can fail in spite of it":     {flowRunFacts(Completed, Failed, data(result)), Verdict{}},
		"no run is scheduled without a deployment":    {flowRunFacts(Failed, Scheduled), Verdict{Status: Abort, Reason: "Cannot reschedule a run without an associated deployment."}},
		"with one it is, and runs again in a new one": {flowRunFacts(Failed, Scheduled, deployed), marked(FlowRunMarks{RetryType: RetryReschedule})},
		"a run that starts again loses its marks":     {flowRunFacts(Crashed, Pending), restart},
		"from end to end it keeps them":               {flowRunFacts(Failed, Cancelled), Verdict{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, handleFlowTerminalStateTransitions, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARestartThatIsRejectedLaterKeepsTheMarks(t *testing.T) {
	t.Parallel()
	f := flowRunFacts(Cancelled, Running, later, func(f *FlowRunFacts) {
		f.Progress.PauseKeys, f.Progress.RetryType = []string{"key"}, RetryInProcess
	})
	got := DecideFlowRun(f)
	if got.Status != Reject || got.State != nil {
		t.Fatalf("got %s, %+v; want a rejection without a state", got.Status, got.State)
	}
	if diff := cmp.Diff(f.Progress, got.Progress); diff != "" {
		t.Errorf("progress (-before +after):\n%s", diff)
	}
}

func TestForceKeepsAPersistedResult(t *testing.T) {
	t.Parallel()
	f := flowRunFacts(Completed, Completed, func(f *FlowRunFacts) {
		f.Policy = FlowRunMinimal
		resultData(f.Progress.State)
	})
	if got := DecideFlowRun(f); got.Status != Reject || got.Reason != resultKept || got.State != nil {
		t.Errorf("got %s %q, state %v", got.Status, got.Reason, got.State)
	}
	resultData(&f.Proposed)
	if got := DecideFlowRun(f); got.Status != Accept {
		t.Errorf("another result got %s %q", got.Status, got.Reason)
	}
}
