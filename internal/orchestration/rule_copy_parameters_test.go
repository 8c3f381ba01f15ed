package orchestration

import "testing"

func TestCopyTaskParametersID(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to          StateType
		initial, proposed string
		want              string
	}{
		"the id is copied to PENDING":                 {from: Scheduled, to: Pending, initial: "p", want: "p"},
		"the id is copied to RUNNING":                 {from: Pending, to: Running, initial: "p", want: "p"},
		"a proposed id is kept":                       {from: Scheduled, to: Running, initial: "p", proposed: "q", want: "q"},
		"without an id nothing is copied":             {from: Scheduled, to: Pending},
		"a proposed id is kept without an initial id": {from: Pending, to: Running, proposed: "q", want: "q"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(tt.from, tt.to)
			f.Run.State.Details.TaskParametersID = tt.initial
			f.Proposed.Details.TaskParametersID = tt.proposed
			f.Proposed.Details.Deferred = new(true)

			verdict := hear(t, copyTaskParametersID, f)
			if verdict.ends() {
				t.Fatalf("the rule refused: %s", verdict)
			}
			if got := Decide(f).State.Details.TaskParametersID; got != tt.want {
				t.Errorf("task parameters id = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCopyTaskParametersID_isOnlyForBackgroundRuns(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Scheduled, Pending)
	f.Run.State.Details.TaskParametersID = "p"
	if got := Decide(f).State.Details.TaskParametersID; got != "" {
		t.Errorf("Core handed on the task parameters id %q", got)
	}
}
