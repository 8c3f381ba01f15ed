package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeepDecidedEnd(t *testing.T) {
	t.Parallel()
	kept := func(from StateType) Verdict {
		return Verdict{Status: Reject, Reason: "Run is already in terminal state " + string(from) + "."}
	}
	neverRan := func(f *FlowRunFacts) { f.Progress.ExpectedStartTime, f.Progress.RunCount = at(-120), 0 }
	tests := map[string]struct {
		facts FlowRunFacts
		want  Verdict
	}{
		"a cancelled run does not complete later": {flowRunFacts(Cancelled, Completed, later), kept(Cancelled)},
		"nor fail":                  {flowRunFacts(Cancelled, Failed, later), kept(Cancelled)},
		"nor start another attempt": {flowRunFacts(Cancelled, Running, later), kept(Cancelled)},
		"a run that was cancelled while it was PENDING does not start": {flowRunFacts(Cancelled, Running, neverRan), kept(Cancelled)},
		"a crashed run does not complete later":                        {flowRunFacts(Crashed, Completed, later), kept(Crashed)},
		"nor fail, when it has crashed":                                {flowRunFacts(Crashed, Failed, later), kept(Crashed)},
		"a crashed run can run again":                                  {flowRunFacts(Crashed, Running, later), Verdict{}},
		"a run that was created as cancelled can complete":             {flowRunFacts(Cancelled, Completed), Verdict{}},
		"and run": {flowRunFacts(Cancelled, Running), Verdict{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hearFlow(t, keepDecidedEnd, tt.facts)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheProcessOfACancelledRunCannotCrashItByForce(t *testing.T) {
	t.Parallel()
	force := func(f *FlowRunFacts) { f.Policy = FlowRunMinimal }
	tests := map[string]struct {
		facts FlowRunFacts
		want  Status
	}{
		"the crash of a cancelled run is rejected":        {flowRunFacts(Cancelled, Crashed, later, force), Reject},
		"the crash of a run that ends now is accepted":    {flowRunFacts(Cancelling, Crashed, later, force), Accept},
		"a run that was created as cancelled can crash":   {flowRunFacts(Cancelled, Crashed, force), Accept},
		"a user can force another end of a cancelled run": {flowRunFacts(Cancelled, Completed, later, force), Accept},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := DecideFlowRun(tt.facts); got.Status != tt.want {
				t.Errorf("got %s %q, want %s", got.Status, got.Reason, tt.want)
			}
		})
	}
}

// The decisions themselves make the facts here: the rule reads from the times of the run
// whether the end is its first state.
func TestAnEndIsDecidedByTheStatesOfTheRun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		life []StateType // each by force, then COMPLETED without
		want Status
	}{
		"created as cancelled":                      {[]StateType{Cancelled}, Accept},
		"cancelled while it ran":                    {[]StateType{Pending, Running, Cancelled}, Reject},
		"cancelled before it ran":                   {[]StateType{Pending, Cancelled}, Reject},
		"cancelled while it was scheduled":          {[]StateType{Scheduled, Cancelled}, Reject},
		"created as cancelled, and cancelled again": {[]StateType{Cancelled, Cancelled}, Reject},
		"failed": {[]StateType{Pending, Running, Failed}, Accept},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var progress FlowRunProgress
			propose := func(to StateType, policy FlowRunPolicy) FlowRunDecision {
				f := flowRunFacts(None, to)
				f.Progress, f.Policy = progress, policy
				d := DecideFlowRun(f)
				progress = d.Progress
				return d
			}
			for _, to := range tt.life {
				propose(to, FlowRunMinimal)
			}
			if got := propose(Completed, FlowRunCore); got.Status != tt.want {
				t.Errorf("got %s %q, want %s", got.Status, got.Reason, tt.want)
			}
		})
	}
}
