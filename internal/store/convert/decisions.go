package convert

import (
	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// verdicts maps the final verdicts to their values in objects.
var verdicts = map[orchestration.Status]string{
	orchestration.Accept: v1alpha1.VerdictAccepted,
	orchestration.Reject: v1alpha1.VerdictRejected,
	orchestration.Abort:  v1alpha1.VerdictAborted,
}

func decisionsFromObject(decisions []v1alpha1.Decision) []taskrun.ProposalDecision {
	if len(decisions) == 0 {
		return nil
	}
	all := make([]taskrun.ProposalDecision, len(decisions))
	for i, d := range decisions {
		all[i] = taskrun.ProposalDecision{
			Proposal: d.Proposal, UID: d.UID, Verdict: verdictFromObject(d.Verdict), Reason: d.Reason,
			Proposer: d.Proposer, EvaluatedAt: within(d.EvaluatedTime.Time), StateID: d.StateID,
		}
	}
	return all
}

func decisionsToObject(decisions []taskrun.ProposalDecision) []v1alpha1.Decision {
	var all []v1alpha1.Decision
	for _, d := range decisions {
		all = append(all, v1alpha1.Decision{
			Proposal: d.Proposal, UID: d.UID, Verdict: verdicts[d.Verdict], Reason: d.Reason,
			Proposer: d.Proposer, EvaluatedTime: microTime(d.EvaluatedAt), StateID: d.StateID,
		})
	}
	return all
}

func verdictFromObject(verdict string) orchestration.Status {
	for status, spelled := range verdicts {
		if spelled == verdict {
			return status
		}
	}
	return orchestration.Abort // the schema has no other value
}

// ProposalFromObject returns the proposal of an object.
func ProposalFromObject(o *v1alpha1.StateProposal) taskrun.NamedProposal {
	return taskrun.NamedProposal{
		Proposal:       *proposalFromObject(&o.Spec.State, o.Spec.Force),
		Name:           o.Name,
		UID:            string(o.UID),
		Proposer:       o.Spec.Proposer,
		IfStateID:      o.Spec.IfStateID,
		WaitingStateID: o.Status.WaitingStateID,
	}
}
