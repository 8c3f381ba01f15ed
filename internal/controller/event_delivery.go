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

// actionAbandon is what was done when a worker was gone.
const actionAbandon = "AbandonWorker"

// Witness emits the Events on TaskRuns whose workers are gone. What it tells of
// was written before. It may be used at once from anywhere.
type Witness struct {
	Events    events.EventRecorder
	Namespace string // of the runs
}

// RunLost tells what became of a run whose worker is gone.
func (w Witness) RunLost(loss *usecase.Loss) {
	run := loss.Run
	object := &v1alpha1.TaskRun{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "TaskRun"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: run.Ref.Name, UID: types.UID(run.Ref.UID),
		},
	}
	reason, note := lost(loss)
	recorder{w.Events}.emit(object, corev1.EventTypeWarning, reason, actionAbandon, note)
}

// lost words what became of the run.
func lost(loss *usecase.Loss) (reason, note string) {
	started := loss.Before != orchestration.Scheduled && loss.Before != orchestration.Pending
	switch {
	case started:
		return v1alpha1.ReasonWorkerLost, fmt.Sprintf("worker %s is gone: moved from %s to %s",
			loss.Worker, loss.Before, label(loss.Run.State))
	case loss.Run.Finished():
		return v1alpha1.ReasonDeliveryGivenUp, fmt.Sprintf(
			"worker %s is gone, and the run was handed out %d times without being started: moved from %s to %s", loss.Worker, loss.Run.Delivery.Attempts, loss.Before, label(loss.Run.State))
	default:
		return v1alpha1.ReasonRedelivered, fmt.Sprintf("worker %s is gone: the run waits for another one", loss.Worker)
	}
}
