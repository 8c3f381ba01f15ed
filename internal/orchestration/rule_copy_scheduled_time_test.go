package orchestration

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCopyScheduledTime(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Hour)
	tests := map[string]struct {
		initial, proposed *time.Time
		want              *time.Time
	}{
		"the time is copied":                              {initial: &later, want: &later},
		"a proposed time is kept":                         {initial: &later, proposed: &noon, want: &noon},
		"without a time nothing is copied":                {},
		"a proposed time is kept without an initial time": {proposed: &noon, want: &noon},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Scheduled, Pending)
			f.Run.State.Details.ScheduledTime = tt.initial
			f.Proposed.Details.ScheduledTime = tt.proposed

			verdict := hear(t, copyScheduledTime, f)
			if verdict.ends() {
				t.Fatalf("the rule refused: %s", verdict)
			}
			got := Decide(f).State
			if diff := cmp.Diff(tt.want, got.Details.ScheduledTime); diff != "" {
				t.Errorf("scheduled time (-want +got):\n%s", diff)
			}
		})
	}
}
