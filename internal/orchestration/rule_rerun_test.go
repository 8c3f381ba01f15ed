package orchestration

import "testing"

func TestRenameReruns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from     StateType
		initial  string // "": the default name of the type
		proposed string
		runCount int64
		want     string
	}{
		"a first start keeps its name":                        {from: Pending, proposed: "Running", want: "Running"},
		"a first start keeps a custom name":                   {from: Pending, proposed: "Mine", want: "Mine"},
		"a first start after AwaitingRetry keeps its name":    {from: Scheduled, initial: NameAwaitingRetry, proposed: "Running", want: "Running"},
		"another start is named Rerunning":                    {from: Running, proposed: "Running", runCount: 1, want: NameRerunning},
		"another start after PAUSED is named Rerunning":       {from: Paused, proposed: "Running", runCount: 1, want: NameRerunning},
		"another start after AwaitingRetry is named Retrying": {from: Scheduled, initial: NameAwaitingRetry, proposed: "Running", runCount: 2, want: NameRetrying},
		"a custom name is replaced":                           {from: Scheduled, initial: NameAwaitingRetry, proposed: "Mine", runCount: 1, want: NameRetrying},
		"only the exact name AwaitingRetry leads to Retrying": {from: Scheduled, initial: "awaitingretry", proposed: "Running", runCount: 1, want: NameRerunning},
		"a run without a state keeps its name":                {from: None, proposed: "Mine", runCount: 1, want: "Mine"},
		"a restart after the end keeps the name":              {from: Failed, proposed: "Mine", runCount: 4, want: "Mine"},
		"a restart after a completed run keeps the name":      {from: Completed, proposed: "Running", runCount: 1, want: "Running"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(tt.from, Running)
			f.Run.RunCount = tt.runCount
			f.Proposed.Name = tt.proposed
			if tt.initial != "" {
				f.Run.State.Name = tt.initial
			}
			// The test uses the whole policy, because the terminal rule comes
			// first.
			got := Decide(f)
			if got.State == nil || got.State.Name != tt.want {
				t.Errorf("got %+v, want the name %q", got.State, tt.want)
			}
		})
	}
}
