package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/reference"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// regarded records the objects of Events.
type regarded struct {
	*events.FakeRecorder

	objects []runtime.Object
}

func (r *regarded) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	r.objects = append(r.objects, regarding)
	r.FakeRecorder.Eventf(regarding, related, kind, reason, action, note, args...)
}

func TestRunLost_emitsEventOnTaskRun(t *testing.T) {
	t.Parallel()
	in := func(kind orchestration.StateType, name string) *orchestration.State {
		return &orchestration.State{Type: kind, Name: name}
	}
	cases := map[string]struct {
		before orchestration.StateType
		after  *orchestration.State
		moved  bool
		want   string
	}{
		"a run that waits again": {
			before: orchestration.Scheduled, after: in(orchestration.Scheduled, ""),
			want: "Warning Redelivered Worker w-1 was lost: the run waits for another worker",
		},
		"a pending run": {
			before: orchestration.Pending, after: in(orchestration.Scheduled, ""), moved: true,
			want: "Warning Redelivered Worker w-1 was lost: the run waits for another worker",
		},
		"a running run": {
			before: orchestration.Running, after: in(orchestration.Crashed, ""), moved: true,
			want: "Warning WorkerLost Worker w-1 was lost: state changed from RUNNING to CRASHED",
		},
		"a running run with a retry left": {
			before: orchestration.Running, after: in(orchestration.Scheduled, "AwaitingRetry"), moved: true,
			want: "Warning WorkerLost Worker w-1 was lost: state changed from RUNNING to SCHEDULED (AwaitingRetry)",
		},
		"a run that was being cancelled": {
			before: orchestration.Cancelling, after: in(orchestration.Cancelled, ""), moved: true,
			want: "Warning WorkerLost Worker w-1 was lost: state changed from CANCELLING to CANCELLED",
		},
		"a run that no worker starts": {
			before: orchestration.Scheduled, after: in(orchestration.Crashed, ""), moved: true,
			want: "Warning DeliveryGivenUp Worker w-1 was lost. The run was delivered 5 times and not started: state changed from SCHEDULED to CRASHED",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := &taskrun.Run{
				ID: runID, Delivery: &taskrun.Delivery{Attempts: 5},
				Ref: taskrun.ObjectRef{Name: "hello", UID: object},
			}
			run.State = tc.after
			recorder := &regarded{FakeRecorder: events.NewFakeRecorder(2)}
			LossRecorder{Events: recorder, Namespace: "work"}.RunLost(&usecase.Loss{
				Worker: "w-1", Before: tc.before, Run: run, Moved: tc.moved,
			})
			if got := <-recorder.Events; got != tc.want {
				t.Errorf("event = %q, want %q", got, tc.want)
			}
			// The kind is not registered here: the object has it itself.
			got, err := reference.GetReference(runtime.NewScheme(), recorder.objects[0])
			if err != nil {
				t.Fatal(err)
			}
			want := &corev1.ObjectReference{
				APIVersion: "taskrun.dev/v1alpha1", Kind: "TaskRun", Namespace: "work", Name: "hello", UID: object,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("reference (-want +got):\n%s", diff)
			}
		})
	}
}
