//go:build sdk

package sdk

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The clock of a worker affects neither the end of a run nor the order of its states.
func TestWorker_withAWrongClock(t *testing.T) {
	for _, ahead := range []time.Duration{-2 * time.Second, -5 * time.Minute, 5 * time.Minute, 90 * 24 * time.Hour} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			o := newStage(t, shared).newServer()
			o.newSkewedWorker(5, ahead)
			once, twice := o.submit("work", 5, "once"), o.submit("flaky", 1, "flaky")
			ends := o.await(slices.Concat(once, twice)...)
			if len(ends) != len(once)+len(twice) {
				t.Errorf("the futures returned %v", ends)
			}
			o.wantStates(map[string]int{"COMPLETED": len(once) + len(twice)})
			want := map[string][]string{
				once[0]:  {"Scheduled", "Pending", "Running", "Completed"},
				twice[0]: {"Scheduled", "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"},
			}
			for id, names := range want {
				if got := o.stateNames(id); !slices.Equal(got, names) {
					t.Errorf("states %q, want %q", got, names)
				}
			}
		})
	}
}
