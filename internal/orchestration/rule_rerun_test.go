package orchestration

import "testing"

func TestRenameReruns(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from     StateType
		initial  string // "": the type's default name
		proposed string
		runCount int64
		want     string
	}{
		"a first start keeps its name":                  {from: Pending, proposed: "Running", want: "Running"},
		"a first start keeps a name of its own":         {from: Pending, proposed: "Mine", want: "Mine"},
		"a first start after AwaitingRetry is plain":    {from: Scheduled, initial: NameAwaitingRetry, proposed: "Running", want: "Running"},
		"another start is a rerun":                      {from: Running, proposed: "Running", runCount: 1, want: NameRerunning},
		"from PAUSED too":                               {from: Paused, proposed: "Running", runCount: 1, want: NameRerunning},
		"another start after AwaitingRetry is a retry":  {from: Scheduled, initial: NameAwaitingRetry, proposed: "Running", runCount: 2, want: NameRetrying},
		"a name of its own does not survive":            {from: Scheduled, initial: NameAwaitingRetry, proposed: "Mine", runCount: 1, want: NameRetrying},
		"only that very name makes a retry":             {from: Scheduled, initial: "awaitingretry", proposed: "Running", runCount: 1, want: NameRerunning},
		"a run that never had a state keeps its name":   {from: None, proposed: "Mine", runCount: 1, want: "Mine"},
		"a restart after the end keeps the name":        {from: Failed, proposed: "Mine", runCount: 4, want: "Mine"},
		"a restart after a completed run keeps it, too": {from: Completed, proposed: "Running", runCount: 1, want: "Running"},
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
			// The whole policy, because the terminal rule comes first.
			got := Decide(f)
			if got.State == nil || got.State.Name != tt.want {
				t.Errorf("got %+v, want the name %q", got.State, tt.want)
			}
		})
	}
}
