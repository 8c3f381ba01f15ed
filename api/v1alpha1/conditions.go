package v1alpha1

import "strings"

// Types of status.conditions. Both carry the observedGeneration they rest on and
// change with every state; either can be waited for, as in
//
//	kubectl wait --for=condition=Succeeded trun/NAME
//	kubectl wait --for=condition=Finished trun/NAME
const (
	// ConditionSucceeded is True in COMPLETED, False in FAILED, CANCELLED and
	// CRASHED, Unknown as long as the run has not finished.
	ConditionSucceeded = "Succeeded"
	// ConditionFinished is True in every terminal state, else False.
	ConditionFinished = "Finished"
)

// ConditionReady is the condition of a ConcurrencyLimit that is True while the
// operator applies the limit, else False.
const ConditionReady = "Ready"

// ConditionStalled is True while an object cannot take effect until it, or another
// one, is changed. A TaskRun, FlowRun and RegisteredFlow has it only then, a
// ConcurrencyLimit always.
const ConditionStalled = "Stalled"

// Reasons of the conditions of a ConcurrencyLimit.
const (
	// ReasonActive: the limit denies slots when all are taken.
	ReasonActive = "Active"
	// ReasonInactive: spec.active is false.
	ReasonInactive = "Inactive"
	// ReasonUniqueName: the limit is the only one with its tag or name, or the oldest.
	ReasonUniqueName = "UniqueName"
	// ReasonDuplicateName: an older limit has the same tag or name, or another
	// RegisteredFlow the same name. Also the reason of an Event.
	ReasonDuplicateName = "DuplicateName"
)

// Bounds of a condition, in characters. Message is cut to fit.
const (
	MaxConditionType    = 64
	MaxConditionReason  = 64
	MaxConditionMessage = 256
)

// Reasons of the conditions: what kind of state the run is in.
const (
	ReasonScheduled  = "Scheduled"
	ReasonPending    = "Pending"
	ReasonRunning    = "Running"
	ReasonPaused     = "Paused"
	ReasonCancelling = "Cancelling"
	ReasonCompleted  = "Completed"
	ReasonFailed     = "Failed"
	ReasonCancelled  = "Cancelled"
	ReasonCrashed    = "Crashed"
)

// Reasons of the Events on a FlowRun about what the operator does by time.
const (
	// ReasonPauseTimedOut: a paused run was not resumed in time and has failed.
	ReasonPauseTimedOut = "PauseTimedOut"
	// ReasonCancellationTimedOut: the process of a CANCELLING run did not confirm the
	// cancellation. The run is CANCELLED.
	ReasonCancellationTimedOut = "CancellationTimedOut"
	// ReasonLate: a scheduled run was not started at its time.
	ReasonLate = "Late"
)

// Reasons of the condition Stalled of a FlowRun, and of Events on it.
const (
	// ReasonFlowNotFound: the RegisteredFlow in spec.flowName does not exist. Also the
	// reason of the condition Stalled.
	ReasonFlowNotFound = "FlowNotFound"
	// ReasonDuplicateKey: another run of the flow has the same idempotency key. Both
	// are runs. A create over REST with the key returns the other one.
	ReasonDuplicateKey = "DuplicateKey"
)

// Reasons of the Events on a TaskRun or FlowRun; metrics use the same words.
const (
	// ReasonProposalAccepted: a StateProposal changed the state.
	ReasonProposalAccepted = "ProposalAccepted"
	// ReasonProposalRejected: the rules put another state in place of the proposed
	// one, or kept the current one.
	ReasonProposalRejected = "ProposalRejected"
	// ReasonProposalAborted: a StateProposal changed nothing.
	ReasonProposalAborted = "ProposalAborted"
	// ReasonProposalWaiting: a StateProposal is evaluated again later.
	ReasonProposalWaiting = "ProposalWaiting"
	// ReasonDuplicateID: spec.id belongs to another object of the kind. Also the reason
	// of the condition Stalled.
	ReasonDuplicateID = "DuplicateID"
	// ReasonInputNotFound: a taskRunName in spec.taskInputs has no TaskRun yet.
	ReasonInputNotFound = "InputNotFound"
	// ReasonRedelivered: the worker that held the run was lost before it started the
	// run. The run waits for another worker.
	ReasonRedelivered = "Redelivered"
	// ReasonWorkerLost: the worker that had started the run was lost. The message has
	// the new state of the run.
	ReasonWorkerLost = "WorkerLost"
	// ReasonDeliveryGivenUp: no worker started the run within the maximum number of
	// deliveries. The run has crashed.
	ReasonDeliveryGivenUp = "DeliveryGivenUp"
)

// ConditionReason returns the reason of the conditions of a run in a state of
// this type and name: the name if it is one word in CamelCase, such as
// AwaitingRetry, else the type in CamelCase; "" for a type that does not exist.
func ConditionReason(stateType StateType, name string) string {
	if camelCase(name) {
		return name
	}
	return conditionReasons[stateType]
}

// camelCase reports whether a name is what a condition takes for a reason.
func camelCase(name string) bool {
	const capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const all = capitals + "abcdefghijklmnopqrstuvwxyz0123456789"
	return name != "" && len(name) <= MaxConditionReason && strings.Contains(capitals, name[:1]) && strings.Trim(name, all) == ""
}

var conditionReasons = map[StateType]string{
	"SCHEDULED":  ReasonScheduled,
	"PENDING":    ReasonPending,
	"RUNNING":    ReasonRunning,
	"PAUSED":     ReasonPaused,
	"CANCELLING": ReasonCancelling,
	"COMPLETED":  ReasonCompleted,
	"FAILED":     ReasonFailed,
	"CANCELLED":  ReasonCancelled,
	"CRASHED":    ReasonCrashed,
}

// AnnotationCreatedBy tells who asked for a run over REST, where callers are
// known: the user's name as Kubernetes has it. The operator writes it when it
// makes the object, and never reads it.
const AnnotationCreatedBy = "taskrun.dev/created-by"

// AnnotationHold holds a run that has no status.state: it is not delivered, not
// written down, and not deleted after its TTL, until its status is written or the
// annotation is removed. The value has no meaning. Set by the user who restores runs.
const AnnotationHold = "taskrun.dev/hold"

// AnnotationFinishedTTL on a Namespace is the lifetime, after their end, of its
// TaskRuns without spec.ttlSecondsAfterFinished: a Go duration such as 168h; 0
// keeps them. It overrides the operator's --finished-ttl. With any other value the
// operator keeps the runs. Set by users.
const AnnotationFinishedTTL = "taskrun.dev/finished-ttl"

// ReasonInvalidFinishedTTL of an Event on a Namespace: AnnotationFinishedTTL has an
// invalid value, and the finished runs of the namespace are kept.
const ReasonInvalidFinishedTTL = "InvalidFinishedTTL"

// AnnotationFenced gets another value when the object is written only for
// a new version, so that an older write that may still be on its way must fail.
const AnnotationFenced = "taskrun.dev/fenced"
