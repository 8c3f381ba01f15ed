package orchestration

import "testing"

func TestCopyTaskParametersID(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to          StateType
		initial, proposed string
		want              string
	}{
		"the id is handed on to PENDING":        {from: Scheduled, to: Pending, initial: "p", want: "p"},
		"the id is handed on to RUNNING":        {from: Pending, to: Running, initial: "p", want: "p"},
		"a proposed id of its own stays":        {from: Scheduled, to: Running, initial: "p", proposed: "q", want: "q"},
		"without an id there is nothing to do":  {from: Scheduled, to: Pending},
		"a proposed id needs no initial to say": {from: Pending, to: Running, proposed: "q", want: "q"},
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

func TestCopyTaskParametersIDIsForBackgroundRuns(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Scheduled, Pending)
	f.Run.State.Details.TaskParametersID = "p"
	if got := Decide(f).State.Details.TaskParametersID; got != "" {
		t.Errorf("Core handed on the task parameters id %q", got)
	}
}
