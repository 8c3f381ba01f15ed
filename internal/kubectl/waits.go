package kubectl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Wait reasons.
const (
	waitsForOperator = "operator" // to write the first state, or to evaluate a proposal
	waitsForTime     = "time"     // due time of the run or of its next attempt
	waitsForWorker   = "worker"   // that serves the task
	waitsForStart    = "start"    // of execution, by the worker that holds the run
	waitsForSlot     = "slot"     // of a concurrency limit
	waitsForClient   = "client"   // that created the run and has to start it
	waitsForResume   = "resume"   // by a client: the run is paused
	waitsForCancel   = "cancel"   // by the client that executes the run
)

// waiting is the wait of a run.
type waiting struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"` // of the object
	ID        string     `json:"id"`
	TaskKey   string     `json:"taskKey"`
	State     string     `json:"state"`
	WaitsFor  string     `json:"waitsFor"`
	Details   string     `json:"details"` // WaitsFor in words
	Since     time.Time  `json:"since"`
	Until     *time.Time `json:"until,omitempty"` // end of the wait, if it is known
}

// waitContext is the data that explains the waits of runs.
type waitContext struct {
	now     time.Time
	workers *workerSet              // nil: not known
	limits  map[string][]namedLimit // by namespace
	// proposals are the StateProposals for each run, oldest first.
	proposals map[targetKey][]v1alpha1.StateProposal
}

// targetKey identifies the run of a StateProposal.
type targetKey struct{ kind, namespace, name string }

// proposalsFor returns the StateProposals for a run, oldest first.
func (s *waitContext) proposalsFor(one row) []v1alpha1.StateProposal {
	return s.proposals[targetKey{one.kind(), one.meta().GetNamespace(), one.meta().GetName()}]
}

// namedLimit is a limit on a tag.
type namedLimit struct {
	name        string // without tag:
	slots, used int
}

func (l namedLimit) full() bool { return l.used >= l.slots }

// waitOf returns the wait of a run. It returns false if the run has finished or is
// executed.
func (s *waitContext) waitOf(one item) (waiting, bool) {
	w := waiting{
		Namespace: one.object.Namespace, Name: one.object.Name, ID: one.ID, TaskKey: one.TaskKey,
		State: stateText(one.State), Since: one.State.Timestamp,
	}
	for _, fill := range []func(item, *waiting) bool{s.forID, s.forStatus, s.forFirstState, s.forVerdict, s.forScheduled, s.forPending, s.forOthers} {
		if fill(one, &w) {
			return w, true
		}
	}
	return w, false
}

func (w *waiting) set(kind, details string) bool {
	w.WaitsFor, w.Details = kind, details
	return true
}

// forID handles duplicates, whose id belongs to another run.
func (s *waitContext) forID(one item, w *waiting) bool {
	stalled := meta.FindStatusCondition(one.object.Status.Conditions, v1alpha1.ConditionStalled)
	return stalled != nil && stalled.Status == metav1.ConditionTrue && w.set(waitsForClient, truncate(stalled.Message, messageWidth))
}

// forStatus handles runs that are being restored.
func (s *waitContext) forStatus(one item, w *waiting) bool {
	return one.OnHold && w.set(waitsForClient, "its status to be restored: it has the annotation "+v1alpha1.AnnotationHold)
}

// forFirstState handles runs that were created with kubectl. The first state of a run
// that was created over REST is known at once.
func (s *waitContext) forFirstState(one item, w *waiting) bool {
	return one.object.Status.State == nil && !one.CreatedViaREST && w.set(waitsForOperator, "the operator, to write its first state")
}

func (s *waitContext) forVerdict(one item, w *waiting) bool {
	return w.forProposals(s.proposalsFor(one), s.fullLimits(one))
}

// forProposals handles runs with a StateProposal without a final verdict. fullLimits are the
// concurrency limits that deny the run a slot.
func (w *waiting) forProposals(proposals []v1alpha1.StateProposal, fullLimits string) bool {
	for i := range proposals {
		proposal, status := &proposals[i], &proposals[i].Status
		proposed := proposal.Spec.State.Type
		switch status.Verdict {
		case "":
			return w.set(waitsForOperator, fmt.Sprintf("the operator, to evaluate StateProposal %s (%s)", proposal.Name, proposed))
		case v1alpha1.VerdictWaiting:
			w.Since = proposal.CreationTimestamp.Time
			if status.RetryTime == nil { // the rules wait for a slot
				return w.set(waitsForSlot, cmp.Or(fullLimits, "a slot: "+truncate(status.Reason, messageWidth)))
			}
			w.Until = &status.RetryTime.Time
			return w.set(waitsForTime, fmt.Sprintf("StateProposal %s (%s) to be evaluated again: %s", proposal.Name, proposed, truncate(status.Reason, messageWidth)))
		}
	}
	return false
}

func (s *waitContext) forScheduled(one item, w *waiting) bool {
	if one.State.Type != orchestration.Scheduled {
		return false
	}
	due := one.Due()
	switch {
	case one.Holder() != "" && due.After(s.now):
		w.Until = &due
		return w.set(waitsForTime, "its next attempt, by "+s.holder(one))
	case one.Holder() != "":
		w.Since = one.Delivery.Since
		return w.set(waitsForStart, s.holder(one)+", to start it")
	case due.After(s.now):
		w.Until = &due
		what := "its time"
		if one.State.Name == orchestration.NameAwaitingRetry {
			what = "its next attempt"
		}
		return w.set(waitsForTime, what)
	case one.Waiting():
		w.Since = due
		return w.set(waitsForWorker, s.worker(one))
	default:
		w.Since = due
		return w.set(waitsForClient, "its client, to start it: it was not submitted for a worker")
	}
}

// worker describes the workers that serve the task of the run.
func (s *waitContext) worker(one item) string {
	if s.workers == nil {
		return "a worker that serves its task"
	}
	switch serving := s.workers.serving(one.object.Namespace, one.TaskKey); serving {
	case 0:
		return "a worker: none serves its task"
	case 1:
		return "the worker that serves its task, to be free"
	default:
		return fmt.Sprintf("one of the %d workers that serve its task, to be free", serving)
	}
}

// holder returns the worker that holds the run.
func (s *waitContext) holder(one item) string {
	name := "worker " + one.Holder()
	if s.workers != nil && !s.workers.connected(one.object.Namespace, one.Holder()) {
		name += " (not connected)"
	}
	return name
}

func (s *waitContext) forPending(one item, w *waiting) bool {
	if one.State.Type != orchestration.Pending {
		return false
	}
	if full := s.fullLimits(one); full != "" {
		return w.set(waitsForSlot, full)
	}
	if one.Holder() != "" {
		return w.set(waitsForStart, s.holder(one)+", to start it")
	}
	return w.set(waitsForClient, "its client, to start it")
}

// fullLimits returns the limits on the run's tags that have no free slot.
func (s *waitContext) fullLimits(one item) string {
	var full []string
	for _, limit := range s.limits[one.object.Namespace] {
		if slices.Contains(one.Tags, limit.name) && limit.full() {
			full = append(full, fmt.Sprintf("a slot of %s%s (%d of %d in use)", concurrency.TagPrefix, limit.name, limit.used, limit.slots))
		}
	}
	return strings.Join(full, " and ")
}

func (s *waitContext) forOthers(one item, w *waiting) bool {
	switch one.State.Type {
	case orchestration.Paused:
		return w.set(waitsForResume, "a client, to resume it")
	case orchestration.Cancelling:
		holder := "its client"
		if one.Holder() != "" {
			holder = s.holder(one)
		}
		return w.set(waitsForCancel, holder+", to stop it")
	default:
		return false
	}
}
