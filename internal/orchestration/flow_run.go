package orchestration

import (
	"fmt"
	"slices"
	"time"
)

// FlowRunProgress is the part of a flow run that transitions change. The transforms
// (flows contract §4.5) and the after hooks of rules are its only writers.
// FlowRunRunCount of the embedded Progress is 0.
type FlowRunProgress struct {
	Progress

	PauseKeys []string  // of the pauses that have fired, each once
	Resuming  bool      // the next entry into RUNNING is not counted
	RetryType RetryType // how the run is tried again
	// NonCountingAttempts are the entries into RUNNING that RunCount includes and that
	// consume no retry: those in which an attempt continued after a pause.
	NonCountingAttempts int64
}

// FlowRunEdits are what a rule changes in a flow run beyond its state.
type FlowRunEdits struct {
	// Marks are the marks for the later rules. If the rule fizzles, the engine restores
	// the earlier ones (Prefect's cleanup hook).
	Marks *FlowRunMarks
	// PauseKey joins the pause keys, and Resuming sets its mark, after the write
	// (Prefect's after hook). Resuming is kept even if no state is written.
	PauseKey *string
	Resuming bool
}

// marks returns the marks that the verdict sets, nil if it sets none.
func (v *Verdict) marks() *FlowRunMarks {
	if v.FlowRun == nil {
		return nil
	}
	return v.FlowRun.Marks
}

// marked accepts the transition with other marks.
func marked(m FlowRunMarks) Verdict { return Verdict{FlowRun: &FlowRunEdits{Marks: &m}} }

// FlowRunMarks are the fields of FlowRunProgress that Prefect keeps in the empirical
// policy.
type FlowRunMarks struct {
	PauseKeys []string
	Resuming  bool
	RetryType RetryType
}

// String describes the marks for the trace.
func (m FlowRunMarks) String() string {
	return fmt.Sprintf("pause keys %q, resuming %t, retry type %q", m.PauseKeys, m.Resuming, m.RetryType)
}

// RetryType says how a flow run is tried again (flows contract §3.3).
type RetryType string

// The retry types; empty is null.
const (
	RetryInProcess  RetryType = "in_process"
	RetryReschedule RetryType = "reschedule"
)

// FlowRunPolicy selects the rules of an evaluation (flows contract §4.1).
type FlowRunPolicy int

// The policies.
const (
	FlowRunCore    FlowRunPolicy = iota // proposals of clients
	FlowRunMinimal                      // creation, and proposals with force
	FlowRunLate                         // the service that marks late runs
)

// FlowRunFacts is the input of an evaluation of a flow run's transition. It includes the
// time and new ids, so that DecideFlowRun is a pure function.
type FlowRunFacts struct {
	ID                string
	Progress          FlowRunProgress
	Retries           *int64 // nil: none
	RetryDelay        *int64 // seconds; nil: 0
	ParentTaskRunID   string // empty: not a subflow
	HasInfrastructure bool   // the run has an infrastructure_pid
	HasDeployment     bool
	// Resume is true for a proposal of POST /resume: the process of a blocking pause
	// continues its attempt. A client that proposes RUNNING itself starts a new one.
	Resume      bool
	Proposed    State // with the id and timestamp it will have if it is accepted
	Policy      FlowRunPolicy
	Now         time.Time
	NewID       string // id of a state that replaces the proposed one
	NewPauseKey string // for a pause without a key
}

// FlowRunDecision is the outcome of an evaluation.
type FlowRunDecision struct {
	Status Status
	Reason string        // empty when accepted, or when no reason was given
	Delay  time.Duration // whole seconds, only with Wait
	State  *State        // the state to write, nil if no state is written
	// Progress is the progress of the run after the write. Without a State it can differ
	// from that of the facts in Resuming, and must be written then.
	Progress FlowRunProgress
	Trace    []TraceEntry
}

// DecideFlowRun evaluates one proposed transition of a flow run: the rules of the policy
// in order, then the global transforms (flows contract §4). A caller that loses the
// response to a proposal gets it again by its transition id, before the evaluation.
//
// As Decide, it never fails, equal facts have equal decisions, it does not change the
// facts, and the decision shares no memory with them.
func DecideFlowRun(f FlowRunFacts) FlowRunDecision {
	return decideFlowRun(f.Policy.rules(), f)
}

func decideFlowRun(policy Policy[FlowRunFacts], f FlowRunFacts) FlowRunDecision {
	t := evaluate[FlowRunFacts, *FlowRunFacts](policy, f)
	d := FlowRunDecision{Status: t.outcome.Status, Reason: t.outcome.Reason, Delay: t.outcome.Delay, Trace: t.outcome.Trace}
	if t.target() == None {
		d.Progress = f.Progress.clone()
		d.Progress.Resuming = d.Progress.Resuming || t.resumed
		return d
	}
	d.State = new(t.facts.Proposed.clone())
	d.Progress = t.facts.Progress.clone()
	return d
}

func (f *FlowRunFacts) proposed() *State { return &f.Proposed }

func (f *FlowRunFacts) progress() *Progress { return &f.Progress.Progress }

func (f *FlowRunFacts) flowRun() *FlowRunProgress { return &f.Progress }

func (f *FlowRunFacts) transform(initial *State) {
	for _, apply := range globalTransforms() {
		apply(initial, &f.Proposed, &f.Progress.Progress)
	}
	for _, apply := range flowRunTransforms() {
		apply(f, initial)
	}
}

// newState returns a state that replaces the proposed state.
func (f FlowRunFacts) newState(t StateType, name string) State {
	return replacement(f.NewID, t, name, f.Now)
}

// attempts counts the entries into RUNNING that consume retries, the first included.
func (p *FlowRunProgress) attempts() int64 {
	return p.RunCount - min(p.NonCountingAttempts, p.RunCount)
}

func (p *FlowRunProgress) marks() FlowRunMarks {
	return FlowRunMarks{PauseKeys: p.PauseKeys, Resuming: p.Resuming, RetryType: p.RetryType}
}

func (p *FlowRunProgress) setMarks(m FlowRunMarks) {
	p.PauseKeys, p.Resuming, p.RetryType = m.PauseKeys, m.Resuming, m.RetryType
}

func (p *FlowRunProgress) addPauseKey(key string) {
	if !slices.Contains(p.PauseKeys, key) {
		p.PauseKeys = append(slices.Clone(p.PauseKeys), key)
	}
}

// clone returns a progress that shares no memory with p.
func (p FlowRunProgress) clone() FlowRunProgress {
	p.Progress = p.Progress.clone()
	p.PauseKeys = slices.Clone(p.PauseKeys)
	return p
}
