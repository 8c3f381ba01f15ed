package convert

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// A user can write a state to the status without its conditions.
func TestEndRecorded_inAStatusOfAUser(t *testing.T) {
	t.Parallel()
	lastWeek := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		state      string
		finished   metav1.ConditionStatus // of the condition; empty: no condition
		wantEnd    bool
		wantBehind bool
	}{
		"the status of the operator":              {state: "COMPLETED", finished: metav1.ConditionTrue, wantEnd: true},
		"a final state without the condition":     {state: "COMPLETED", wantBehind: true},
		"a final state with the condition False":  {state: "FAILED", finished: metav1.ConditionFalse, wantBehind: true},
		"another state with the condition True":   {state: "RUNNING", finished: metav1.ConditionTrue},
		"another state with the condition False":  {state: "RUNNING", finished: metav1.ConditionFalse},
		"another state that has no condition yet": {state: "PENDING"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a", UID: "u", Generation: 1}}
			o.Status.ObservedGeneration = 1
			o.Status.State = &v1alpha1.State{Type: tc.state, Timestamp: v1alpha1.NewMicroTime(lastWeek)}
			if tc.finished != "" {
				o.Status.Conditions = []metav1.Condition{{
					Type: v1alpha1.ConditionFinished, Status: tc.finished, LastTransitionTime: metav1.NewTime(lastWeek),
				}}
			}
			run := RunFromObject(o)
			if recorded := !run.EndRecorded.IsZero(); recorded != tc.wantEnd || run.StatusStale != tc.wantBehind {
				t.Errorf("end recorded %v, behind %v, want %v and %v", recorded, run.StatusStale, tc.wantEnd, tc.wantBehind)
			}
		})
	}
}
