package orchestration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The order is the order in contract §3.2.
func TestPolicies_listTheirRulesInOrder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy Policy[Facts]
		want   []string
	}{
		"Core": {Core(), []string{
			"CacheRetrieval", "HandleTaskTerminalStateTransitions", "PreventRunningTasksFromStoppedFlows", "SecureTaskConcurrencySlots", "CopyScheduledTime",
			"WaitForScheduledTime", "RetryFailedTasks", "RenameReruns", "UpdateFlowRunTrackerOnTasks", "CacheInsertion",
		}},
		"Background": {Background(), []string{
			"PreventPendingTransitions", "CacheRetrieval", "HandleTaskTerminalStateTransitions", "CopyScheduledTime", "CopyTaskParametersID",
			"WaitForScheduledTime", "RetryFailedTasks", "RenameReruns", "UpdateFlowRunTrackerOnTasks", "CacheInsertion",
		}},
		"Minimal": {Minimal(), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, rule := range tt.policy {
				got = append(got, rule.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

// The order is the one of flows contract §4.1, with the two rules that Prefect does not
// have.
func TestPoliciesOfFlowRunsListTheirRulesInOrder(t *testing.T) {
	t.Parallel()
	want := map[FlowRunPolicy][]string{
		FlowRunCore: {
			"PreserveDeploymentConcurrencyLeaseId", "PreventDuplicateTransitions", "HandleFlowTerminalStateTransitions", "KeepDecidedEnd",
			"EnforceCancellingToCancelledTransition", "BypassCancellingFlowRunsWithNoInfra", "PreventPendingTransitions",
			"EnsureOnlyScheduledFlowsMarkedLate", "HandlePausingFlows", "HandleResumingPausedFlows", "CopyScheduledTime",
			"WaitForScheduledTime", "RetryFailedFlows",
		},
		FlowRunMinimal: {"PreventResultDataLoss", "KeepCancelled", "BypassCancellingFlowRunsWithNoInfra"},
		FlowRunLate:    {"EnsureOnlyScheduledFlowsMarkedLate"},
	}
	for policy, rules := range want {
		var got []string
		for _, rule := range policy.rules() {
			got = append(got, rule.Name)
		}
		if diff := cmp.Diff(rules, got); diff != "" {
			t.Errorf("policy %d: rules (-want +got):\n%s", policy, diff)
		}
	}
}

// Each policy is known by what it does with a transition that the others treat
// differently: RUNNING to PENDING, which only Background refuses, and FAILED to
// CRASHED, which only Minimal accepts.
func TestPolicyChoice(t *testing.T) {
	t.Parallel()
	core, background, minimal := [2]Status{Accept, Abort}, [2]Status{Abort, Abort}, [2]Status{Accept, Accept}
	tests := map[string]struct {
		deferred *bool
		stored   bool // the run's current state is deferred
		force    bool
		want     [2]Status
	}{
		"a proposal is evaluated by Core":                     {want: core},
		"a proposal with deferred false is evaluated by Core": {deferred: new(false), want: core},
		"a deferred proposal is evaluated by Background":      {deferred: new(true), want: background},
		"a forced proposal is evaluated by Minimal":           {force: true, want: minimal},
		"deferred takes precedence over force":                {deferred: new(true), force: true, want: background},
		"a deferred current state does not matter":            {stored: true, want: core},
		"a deferred current state does not matter with force": {stored: true, force: true, want: minimal},
		"a deferred run leaves Background with force":         {deferred: new(false), stored: true, force: true, want: minimal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			choose := func(f *Facts) {
				f.Proposed.Details.Deferred, f.Force = tt.deferred, tt.force
				f.Run.State.Details.Deferred = &tt.stored
			}
			got := [2]Status{
				Decide(transitionFacts(Running, Pending, choose)).Status,
				Decide(transitionFacts(Failed, Crashed, choose)).Status,
			}
			if got != tt.want {
				t.Errorf("RUNNING to PENDING and FAILED to CRASHED got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFirstState_isAcceptedByEveryRule(t *testing.T) {
	t.Parallel()
	for _, to := range StateTypes {
		for _, deferred := range []bool{false, true} {
			f := transitionFacts(None, to, func(f *Facts) { f.Force, f.Proposed.Details.Deferred = true, &deferred })
			if got := Decide(f); got.Status != Accept || got.State == nil {
				t.Errorf("a first state %s (deferred: %t) got %s", to, deferred, got.Status)
			}
		}
	}
}
