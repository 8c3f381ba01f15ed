package orchestration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A flowScene is a set of facts that is evaluated for every pair of types.
type flowScene struct {
	title string
	set   func(*FlowRunFacts)
}

var flowScenes = []flowScene{
	{"a plain run that was created in its state: no deployment, no process id, no retries, no data", func(*FlowRunFacts) {}},
	{"the same, of a deployment", deployed},
	{"the same, with a process id; its SCHEDULED is Resuming", func(f *FlowRunFacts) {
		f.HasInfrastructure = true
		if f.Progress.State.typ() == Scheduled {
			f.Progress.State.Name = NameResuming
		}
	}},
	{"a run with a process id", func(f *FlowRunFacts) { f.HasInfrastructure = true }},
	{"a run whose state holds a persisted result", func(f *FlowRunFacts) {
		if f.Progress.State != nil {
			resultData(f.Progress.State)
		}
	}},
	{"the same, of a deployment, and so does the proposed state", func(f *FlowRunFacts) {
		deployed(f)
		resultData(&f.Proposed)
		if f.Progress.State != nil {
			resultData(f.Progress.State)
		}
	}},
	{"a run whose end was decided after it was created", later},
	{"the same, of a deployment", func(f *FlowRunFacts) { later(f); deployed(f) }},
	{"a run that is suspended", suspended},
	{"the same, of a deployment", func(f *FlowRunFacts) { suspended(f); deployed(f) }},
	{"a run whose pause has expired", func(f *FlowRunFacts) {
		if s := f.Progress.State; s.typ() == Paused {
			s.Details.PauseTimeout = at(-1)
		}
	}},
	{"the same, suspended, of a deployment", func(f *FlowRunFacts) {
		suspended(f)
		deployed(f)
		if s := f.Progress.State; s.typ() == Paused {
			s.Details.PauseTimeout = at(-1)
		}
	}},
	{"POST /resume proposes it", func(f *FlowRunFacts) { f.Resume = true }},
	{"a run that is resuming and has a pause key, with a retry type", func(f *FlowRunFacts) {
		f.Progress.PauseKeys, f.Progress.Resuming, f.Progress.RetryType = []string{"key"}, true, RetryReschedule
		f.Proposed.Details.PauseKey = new("key")
	}},
	{"a run that was started three times, once after a pause, with two retries, 30 s apart, and the marks of table 14", func(f *FlowRunFacts) {
		f.Progress.PauseKeys, f.Progress.Resuming, f.Progress.RetryType = []string{"key"}, true, RetryReschedule
		f.Progress.RunCount, f.Progress.NonCountingAttempts = 3, 1
		f.Retries, f.RetryDelay = new(int64(2)), new(int64(30))
	}},
	{"a run whose state has a scheduled time a minute ahead, and a lease id", func(f *FlowRunFacts) {
		if f.Progress.State != nil {
			f.Progress.State.Details.ScheduledTime = at(60)
			f.Progress.State.Details.DeploymentConcurrencyLeaseID = "lease"
		}
	}},
	{"the proposed state has the transition id of the run's state", func(f *FlowRunFacts) {
		f.Proposed.Details.TransitionID = "transition"
		if f.Progress.State != nil {
			f.Progress.State.Details.TransitionID = "transition"
		}
	}},
	{"the proposed state is called Late", func(f *FlowRunFacts) { f.Proposed.Name = NameLate }},
	{"so is the run's state", func(f *FlowRunFacts) {
		f.Proposed.Name = NameLate
		if f.Progress.State != nil {
			f.Progress.State.Name = NameLate
		}
	}},
	{"the proposed state is called Suspended, with pause_reschedule", func(f *FlowRunFacts) {
		f.Proposed.Name, f.Proposed.Details.PauseReschedule = NameSuspended, true
	}},
	{"the same, of a deployment", func(f *FlowRunFacts) {
		deployed(f)
		f.Proposed.Name, f.Proposed.Details.PauseReschedule = NameSuspended, true
	}},
	{"the same, of a subflow", func(f *FlowRunFacts) {
		deployed(f)
		f.ParentTaskRunID = "placeholder"
		f.Proposed.Name, f.Proposed.Details.PauseReschedule = NameSuspended, true
	}},
}

const flowMatrixHead = `# %s policy of flow runs: the decision on each proposal (flows contract §4).
#
# Rows are the type of the run's state, columns the proposed type. Each cell has
#   the status, with its reason as a letter that is explained at the end;
#   the name of the state that is written, if it is not the proposed one;
#   n, c: the run count and the attempts that consume no retry, if they change;
#   r, k, t: resuming, the number of pause keys, and the retry type, if they change;
#   l: the lease id, if the written state has one.
# From table 2 on, a dot, or a missing row, stands for what table 1 says.
`

// The matrices are read and reviewed as files; go test -update rewrites them.
func TestFlowRunMatrices(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file   string
		policy FlowRunPolicy
	}{
		"Core":    {"flow_matrix_core.txt", FlowRunCore},
		"Minimal": {"flow_matrix_minimal.txt", FlowRunMinimal},
		"Late":    {"flow_matrix_late.txt", FlowRunLate},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m matrix
			fmt.Fprintf(&m.text, flowMatrixHead, name)
			for _, s := range flowScenes {
				m.addTable(t, s.title, func(from, to StateType) string {
					f := flowRunFacts(from, to, s.set)
					f.Policy = tt.policy
					return m.flowCell(f, DecideFlowRun(f))
				})
			}
			m.addReasons()
			golden(t, filepath.Join("testdata", tt.file), m.text.String())
		})
	}
}

// flowCell describes one decision.
func (m *matrix) flowCell(f FlowRunFacts, d FlowRunDecision) string {
	parts := []string{string(d.Status)}
	if d.Status == Accept {
		parts[0] = "accept" // so that the others stand out
	}
	if d.Status == Wait {
		parts = append(parts, d.Delay.String())
	}
	if d.Reason != "" {
		parts = append(parts, m.letter(f.Progress.State.typ(), d.Reason))
	}
	if d.State != nil && (d.State.Type != f.Proposed.Type || d.State.Name != f.Proposed.Name) {
		parts = append(parts, d.State.Name)
	}
	before, after := &f.Progress, &d.Progress
	parts = append(parts, change("n", before.RunCount, after.RunCount)...)
	parts = append(parts, change("c", before.NonCountingAttempts, after.NonCountingAttempts)...)
	if before.Resuming != after.Resuming {
		parts = append(parts, fmt.Sprintf("r=%t", after.Resuming))
	}
	parts = append(parts, change("k", int64(len(before.PauseKeys)), int64(len(after.PauseKeys)))...)
	if before.RetryType != after.RetryType {
		parts = append(parts, fmt.Sprintf("t=%q", after.RetryType))
	}
	if d.State != nil && d.State.Details.DeploymentConcurrencyLeaseID != "" {
		parts = append(parts, "l")
	}
	return strings.Join(parts, " ")
}
