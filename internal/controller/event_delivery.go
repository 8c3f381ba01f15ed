package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// DeliveryName is the reporting controller of the Events about workers.
const DeliveryName = "taskrun-delivery"

// actionAbandon is the action of the Events about lost workers.
const actionAbandon = "AbandonWorker"

// LossRecorder emits Events on TaskRuns whose workers were lost, after the write. It
// is safe for concurrent use.
type LossRecorder struct {
	Events    events.EventRecorder
	Namespace string // of the runs
}

// RunLost emits the Event of a run that was taken from a lost worker.
func (r LossRecorder) RunLost(loss *usecase.Loss) {
	run := loss.Run
	object := &v1alpha1.TaskRun{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "TaskRun"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: run.Ref.Name, UID: types.UID(run.Ref.UID),
		},
	}
	reason, note := lost(loss)
	recorder{r.Events}.emit(object, corev1.EventTypeWarning, reason, actionAbandon, note)
}

// lost returns the reason and the message of the Event.
func lost(loss *usecase.Loss) (reason, note string) {
	started := loss.Before != orchestration.Scheduled && loss.Before != orchestration.Pending
	switch {
	case started:
		return v1alpha1.ReasonWorkerLost, fmt.Sprintf("Worker %s was lost: state changed from %s to %s",
			loss.Worker, loss.Before, label(loss.Run.State))
	case loss.Run.Finished():
		return v1alpha1.ReasonDeliveryGivenUp, fmt.Sprintf(
			"Worker %s was lost. The run was %s and not started: state changed from %s to %s", loss.Worker, loss.Run.Delivery.Count(), loss.Before, label(loss.Run.State))
	default:
		return v1alpha1.ReasonRedelivered, fmt.Sprintf("Worker %s was lost: the run waits for another worker", loss.Worker)
	}
}
