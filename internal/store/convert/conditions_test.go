package convert

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestConditions_ofEachState(t *testing.T) {
	t.Parallel()
	cases := map[orchestration.StateType]struct {
		succeeded, finished metav1.ConditionStatus
		reason              string
	}{
		orchestration.Scheduled:  {"Unknown", "False", "Scheduled"},
		orchestration.Pending:    {"Unknown", "False", "Pending"},
		orchestration.Running:    {"Unknown", "False", "Running"},
		orchestration.Paused:     {"Unknown", "False", "Paused"},
		orchestration.Cancelling: {"Unknown", "False", "Cancelling"},
		orchestration.Completed:  {"True", "True", "Completed"},
		orchestration.Failed:     {"False", "True", "Failed"},
		orchestration.Crashed:    {"False", "True", "Crashed"},
		orchestration.Cancelled:  {"False", "True", "Cancelled"},
		"UNHEARD_OF":             {"Unknown", "False", "Unknown"},
	}
	at := time.Date(2026, time.August, 21, 10, 0, 0, 999999000, time.UTC)
	since := metav1.NewTime(at.Truncate(time.Second))
	for kind, tc := range cases {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			run := &taskrun.Run{Ref: taskrun.ObjectRef{Generation: 4}}
			run.State = &orchestration.State{Type: kind, Timestamp: at, Message: new("so it is")}
			want := []metav1.Condition{
				{
					Type: "Succeeded", Status: tc.succeeded, ObservedGeneration: 4, LastTransitionTime: since,
					Reason: tc.reason, Message: "so it is",
				},
				{
					Type: "Finished", Status: tc.finished, ObservedGeneration: 4, LastTransitionTime: since,
					Reason: tc.reason, Message: "so it is",
				},
			}
			if diff := cmp.Diff(want, conditions(run)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := conditions(&taskrun.Run{}); got != nil {
		t.Errorf("conditions of a run without a state: %v, want none", got)
	}
}

func TestConditions_lastTransitionTime(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, time.August, 21, 9, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return time.Date(2026, time.August, 21, 10, minute, 0, 0, time.UTC) }
	cases := map[string]struct {
		states              []orchestration.StateType
		dropped             int64
		succeeded, finished time.Time
	}{
		"a first state is the change":          {states: stateTypes("PENDING"), succeeded: at(0), finished: at(0)},
		"an unfinished run never changed":      {states: stateTypes("PENDING RUNNING PAUSED"), succeeded: at(0), finished: at(0)},
		"the end is a change":                  {states: stateTypes("PENDING RUNNING COMPLETED"), succeeded: at(2), finished: at(2)},
		"another end changes only the success": {states: stateTypes("RUNNING COMPLETED FAILED"), succeeded: at(2), finished: at(1)},
		"another failure changes nothing":      {states: stateTypes("RUNNING CRASHED FAILED"), succeeded: at(1), finished: at(1)},
		"a restart is a change":                {states: stateTypes("COMPLETED RUNNING PENDING"), succeeded: at(1), finished: at(1)},
		"dropped states do not change the time": {
			states: stateTypes("RUNNING PENDING"), dropped: 3, succeeded: created, finished: created,
		},
		"a change that is still in the history after states were dropped": {
			states: stateTypes("RUNNING FAILED"), dropped: 3, succeeded: at(1), finished: at(1),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := &taskrun.Run{Created: created, HistoryDropped: tc.dropped}
			for i, kind := range tc.states {
				if run.State != nil {
					run.History = append(run.History, *run.State)
				}
				run.State = &orchestration.State{Type: kind, Timestamp: at(i)}
			}
			got := conditions(run)
			if !got[0].LastTransitionTime.Time.Equal(tc.succeeded) || !got[1].LastTransitionTime.Time.Equal(tc.finished) {
				t.Errorf("succeeded since %s, want %s; finished since %s, want %s",
					got[0].LastTransitionTime, tc.succeeded, got[1].LastTransitionTime, tc.finished)
			}
		})
	}
}

func stateTypes(names string) []orchestration.StateType {
	var all []orchestration.StateType
	for name := range strings.FieldsSeq(names) {
		all = append(all, orchestration.StateType(name))
	}
	return all
}

func TestConditions_messagesAreLimited(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"no message":                      {},
		"a message of the maximum length": {text: strings.Repeat("é", 256), want: strings.Repeat("é", 256)},
		"a message one character longer":  {text: strings.Repeat("é", 257), want: strings.Repeat("é", 255) + "…"},
		"a message as long as a state's":  {text: strings.Repeat("x", 4096), want: strings.Repeat("x", 255) + "…"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := &taskrun.Run{}
			run.State = &orchestration.State{Type: orchestration.Failed, Message: &tc.text}
			for _, condition := range conditions(run) {
				if condition.Message != tc.want || condition.LastTransitionTime.IsZero() {
					t.Errorf("%s: message %q since %s, want %q", condition.Type, condition.Message, condition.LastTransitionTime, tc.want)
				}
			}
		})
	}
}
