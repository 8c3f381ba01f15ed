package kubectl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

const (
	// minPoll is the wait before the first read of the verdict. It doubles up to
	// maxPoll.
	minPoll = 50 * time.Millisecond
	maxPoll = time.Second
	// maxStem is the length of the part of a run's name in a proposal's name.
	maxStem = 40
)

// userName returns the name of the user from the API server, which the admission policy
// compares. It is empty if the API server does not return it.
func userName(ctx context.Context, c client.Client) string {
	review := &authenticationv1.SelfSubjectReview{}
	if err := c.Create(ctx, review); err != nil {
		return ""
	}
	name := review.Status.UserInfo.Username
	if len(name) > maxProposer {
		return ""
	}
	return name
}

// maxProposer is the maximum length of spec.proposer.
const maxProposer = 256

// propose creates a StateProposal for the run, which must still be this object.
func propose(ctx context.Context, c client.Client, one row, spec v1alpha1.StateProposalSpec, verb string) (*v1alpha1.StateProposal, error) {
	namespace, name := one.meta().GetNamespace(), one.meta().GetName()
	spec.TargetRef = v1alpha1.ProposalTarget{Kind: one.kind(), Name: name, UID: string(one.meta().GetUID())}
	stem := strings.TrimRight(name[:min(len(name), maxStem)], ".-")
	proposal := &v1alpha1.StateProposal{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: verb + "-" + stem + "-"},
		Spec:       spec,
	}
	if err := c.Create(ctx, proposal, client.FieldOwner("kubectl-taskrun")); err != nil {
		return nil, explain(err)
	}
	return proposal, nil
}

// verdictOn waits for the final verdict on the proposal; any but Accepted is an error.
func verdictOn(ctx context.Context, c client.Client, proposal *v1alpha1.StateProposal) error {
	key := client.ObjectKeyFromObject(proposal)
	backoff := wait.Backoff{Duration: minPoll, Factor: 2, Steps: 64, Cap: maxPoll}
	err := backoff.DelayFunc().Until(ctx, false, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, key, proposal); err != nil {
			return false, explain(err)
		}
		return proposal.Status.Verdict != "" && proposal.Status.Verdict != v1alpha1.VerdictWaiting, nil
	})
	status := &proposal.Status
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("StateProposal %s was deleted before its verdict was read", key.Name)
	case wait.Interrupted(err) && status.Verdict == v1alpha1.VerdictWaiting:
		return fmt.Errorf("Waiting: %s (StateProposal %s is evaluated again until it has a verdict)", status.Reason, key.Name) //nolint:staticcheck // a verdict as in objects
	case wait.Interrupted(err):
		return fmt.Errorf("no verdict in time: check that the operator runs, then read StateProposal %s", key.Name)
	case err != nil:
		return err
	default:
		return verdictError(proposal)
	}
}

// verdictError returns nil for Accepted, and an error with the reason for other
// verdicts.
func verdictError(proposal *v1alpha1.StateProposal) error {
	switch status := &proposal.Status; {
	case status.Verdict == v1alpha1.VerdictAccepted:
		return nil
	case status.Reason == "":
		return errors.New(status.Verdict)
	case proposal.Spec.Force:
		return fmt.Errorf("%s: %s", status.Verdict, status.Reason)
	default:
		return fmt.Errorf("%s: %s (--force skips the rules)", status.Verdict, status.Reason)
	}
}
