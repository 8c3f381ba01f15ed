package orchestration

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRetryFailedFlows(t *testing.T) {
	t.Parallel()
	policy := func(count, free int64, retries, delay *int64) func(*FlowRunFacts) {
		return func(f *FlowRunFacts) {
			f.Progress.RunCount, f.Progress.NonCountingAttempts = count, free
			f.Progress.PauseKeys, f.Progress.Resuming, f.Progress.RetryType = []string{"key"}, true, RetryReschedule
			f.Retries, f.RetryDelay = retries, delay
			f.Proposed.Name, f.Proposed.Message, f.Proposed.Data = "TimedOut", new("boom"), json.RawMessage(`{"a":1}`)
			f.Proposed.Details.Retriable = new(false)
		}
	}
	retry := func(at time.Time) Verdict {
		return Verdict{
			Status: Reject, Reason: "Retrying", FlowRun: &FlowRunEdits{Marks: &FlowRunMarks{RetryType: RetryInProcess}},
			State: &State{
				ID: "new", Type: Scheduled, Name: "AwaitingRetry", Timestamp: noon, Message: new("boom"), Data: json.RawMessage(`{"a":1}`),
				Details: StateDetails{Deferred: new(false), ScheduledTime: &at},
			},
		}
	}
	final := marked(FlowRunMarks{PauseKeys: []string{"key"}, Resuming: true})
	one, minus := new(int64(1)), new(int64(-1))
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"without retries a failure is final":              {flowRunFacts(Running, Failed, policy(1, 0, nil, one)), final},
		"no retries are none":                             {flowRunFacts(Running, Failed, policy(1, 0, new(int64(0)), nil)), final},
		"nor are fewer":                                   {flowRunFacts(Running, Failed, policy(1, 0, minus, nil)), final},
		"the first attempt is not a retry":                {flowRunFacts(Running, Failed, policy(1, 0, one, nil)), retry(noon)},
		"the second one was":                              {flowRunFacts(Running, Failed, policy(2, 0, one, nil)), final},
		"an attempt that continued after a pause was not": {flowRunFacts(Running, Failed, policy(2, 1, one, nil)), retry(noon)},
		"the delay is in seconds":                         {flowRunFacts(Running, Failed, policy(1, 0, one, new(int64(90)))), retry(noon.Add(90 * time.Second))},
		"a negative delay is in the past":                 {flowRunFacts(Running, Failed, policy(1, 0, one, minus)), retry(noon.Add(-time.Second))},
		"more attempts than entries count as none":        {flowRunFacts(Running, Failed, policy(1, 5, one, nil)), retry(noon)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, retryFailedFlows, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// A blocking pause is resumed by POST /resume, and its process continues. A process that
// starts a paused run again proposes RUNNING itself.
func TestOnlyAResumeConsumesNoRetry(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		resume    bool
		wantState string
	}{
		"after a resume, a failure is retried":             {true, "AwaitingRetry"},
		"after another start of a paused run, it is final": {false, "Failed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := flowRunFacts(Running, Paused)
			f.Retries = new(int64(1))
			next := func(to StateType, resume bool) *State {
				f.Proposed.Type, f.Proposed.Name, f.Resume = to, to.DefaultName(), resume
				d := DecideFlowRun(f)
				f.Progress = d.Progress
				return d.State
			}
			next(Paused, false)
			next(Running, tt.resume)
			if got := f.Progress.RunCount; got != 2 {
				t.Errorf("run count = %d, want 2: clients see each entry into RUNNING", got)
			}
			if got := next(Failed, false); got == nil || got.Name != tt.wantState {
				t.Errorf("state = %v, want %s", got, tt.wantState)
			}
		})
	}
}
