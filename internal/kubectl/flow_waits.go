package kubectl

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// flowWait returns the wait of a flow run. It returns false if the run has finished or is
// executed.
func (s *waitContext) flowWait(one flowItem) (waiting, bool) {
	w := waiting{
		Namespace: one.object.Namespace, Name: one.object.Name, ID: one.ID, State: stateText(one.State), Since: one.State.Timestamp,
	}
	does := flowStalled(one, &w) || flowFirstState(one, &w) || w.forProposals(s.proposalsFor(one), "") ||
		s.flowScheduled(one, &w) || flowPaused(one, &w) || flowOthers(one, &w)
	return w, does
}

// flowStalled handles objects that are not runs: duplicates, and those without a flow.
func flowStalled(one flowItem, w *waiting) bool {
	stalled := meta.FindStatusCondition(one.object.Status.Conditions, v1alpha1.ConditionStalled)
	if stalled != nil && stalled.Status == metav1.ConditionTrue {
		return w.set(waitsForClient, truncate(stalled.Message, messageWidth))
	}
	return one.FlowID == "" && one.flow == one.flowName && one.object.Status.State == nil &&
		w.set(waitsForOperator, "the operator, to find RegisteredFlow "+one.flowName)
}

// flowFirstState handles runs that were created with kubectl. The first state of a run
// that was created over REST is known at once.
func flowFirstState(one flowItem, w *waiting) bool {
	return one.object.Status.State == nil && !one.CreatedViaREST && w.set(waitsForOperator, "the operator, to write its first state")
}

func (s *waitContext) flowScheduled(one flowItem, w *waiting) bool {
	if one.State.Type != orchestration.Scheduled {
		return false
	}
	due := cmp.Or(one.NextScheduledStartTime, one.State.Details.ScheduledTime, &one.State.Timestamp)
	retry := one.State.Name == orchestration.NameAwaitingRetry
	switch {
	case due.After(s.now) && retry:
		w.Until = due
		return w.set(waitsForTime, "its next attempt")
	case due.After(s.now):
		w.Until = due
		return w.set(waitsForTime, "its time")
	case one.DeploymentID != "":
		return w.set(waitsForClient, "a worker or a served process of its deployment, to start it")
	case retry:
		return w.set(waitsForClient, "its process, to start its next attempt")
	default:
		return w.set(waitsForClient, "its process, to start it")
	}
}

func flowPaused(one flowItem, w *waiting) bool {
	if one.State.Type != orchestration.Paused {
		return false
	}
	w.Until = one.State.Details.PauseTimeout
	if len(one.State.Details.RunInputKeyset) > 0 {
		return w.set(waitsForResume, "a client, to resume it with an input")
	}
	return w.set(waitsForResume, "a client, to resume it")
}

func flowOthers(one flowItem, w *waiting) bool {
	switch one.State.Type {
	case orchestration.Pending:
		return w.set(waitsForClient, "its process, to start it")
	case orchestration.Cancelling:
		w.Until = one.CancellingEnd()
		return w.set(waitsForCancel, "its process, to stop")
	default:
		return false
	}
}
