package storetest

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var someObjects = []string{`{}`, `{"a":1.0}`, ` {"a" : [null, 1e3]} `, `{"\u00e9":"<&>"}`, `{"text":"😀"}`}

func (m Random) object() json.RawMessage { return json.RawMessage(Pick(m, someObjects)) }

func (m Random) labels() map[string]json.RawMessage {
	if m.Flag() {
		return nil
	}
	labels := map[string]json.RawMessage{}
	for range m.IntN(6) {
		labels[m.Text()] = json.RawMessage(Pick(m, someJSON))
	}
	return labels
}

func (m Random) tags() (tags []string) {
	for range m.IntN(4) {
		tags = append(tags, m.Text())
	}
	return tags
}

func (m Random) flowPolicy() flowrun.Policy {
	count := func() int64 { return Pick(m, []int64{0, 2, -1, 1 << 60}) }
	policy := flowrun.Policy{Retries: Maybe(m, count), RetryDelay: Maybe(m, count)}
	if m.Flag() {
		policy.MaxRetries, policy.RetryDelaySeconds = "3", Pick(m, someNumbers)
	}
	return policy
}

func (m Random) editable() flowrun.Editable {
	editable := flowrun.Editable{
		Name: "n" + m.Text(), FlowVersion: Maybe(m, m.Text), Parameters: m.object(), Policy: m.flowPolicy(), Tags: m.tags(),
		InfrastructurePID: Maybe(m, m.Text),
	}
	if m.Flag() {
		editable.JobVariables = m.object()
	}
	return editable
}

// marks makes what clients can set of a new run's progress.
func (m Random) marks(p *orchestration.FlowRunProgress) {
	p.PauseKeys, p.Resuming = nil, m.Flag()
	for i := range m.IntN(3) {
		p.PauseKeys = append(p.PauseKeys, m.Text()+string(rune('a'+i)))
	}
	p.RetryType = Pick(m, []orchestration.RetryType{"", orchestration.RetryInProcess, orchestration.RetryReschedule})
}

// FlowRun returns a flow run in its initial state.
func (m Random) FlowRun() *flowrun.Run {
	created := m.Time()
	run := flowrun.Run{
		ID: m.ID(), Created: created, Updated: created, FlowID: m.ID(), IdempotencyKey: Maybe(m, m.Text),
		ParentTaskRunID: m.maybeID(), DeploymentID: m.maybeID(), DeploymentVersion: Maybe(m, m.Text),
		WorkQueueName: Maybe(m, m.Text), AutoScheduled: m.Flag(), Context: m.object(),
		CreatedBy: Maybe(m, func() flowrun.Creator {
			return flowrun.Creator{ID: m.maybeID(), Type: m.Text(), DisplayValue: m.Text()}
		}),
		Labels: m.labels(), Editable: m.editable(),
		TTL:         Maybe(m, func() time.Duration { return time.Duration(m.IntN(100)) * time.Second }),
		StatusStale: true, CreatedViaREST: true,
	}
	m.marks(&run.FlowRunProgress)
	run = flowrun.Begin(run, m.state())
	return &run
}

// FlowRunProgress makes everything that Update replaces a random one.
func (m Random) FlowRunProgress(run *flowrun.Run) {
	run.FlowRunProgress = orchestration.FlowRunProgress{
		Progress: orchestration.Progress{
			State: new(m.state()), RunCount: m.Int64N(9), ExpectedStartTime: Maybe(m, m.Time), NextScheduledStartTime: Maybe(m, m.Time),
			StartTime: Maybe(m, m.Time), EndTime: Maybe(m, m.Time), TotalRunTime: time.Duration(m.Int64N(3)) * 12345678 * time.Microsecond,
		},
		NonCountingAttempts: m.Int64N(3),
	}
	m.marks(&run.FlowRunProgress)
	run.History, run.HistoryDropped = nil, m.Int64N(2)
	for range m.IntN(4) {
		run.History = append(run.History, m.state())
	}
	run.Answers, run.Decisions = nil, nil
	for range m.IntN(3) {
		run.Answers = append(run.Answers, flowrun.Answer{
			TransitionID: m.ID(), Status: Pick(m, append(finalVerdicts, orchestration.Wait)), Reason: m.Text(), StateID: m.maybeID(),
		})
		run.Decisions = append(run.Decisions, taskrun.ProposalDecision{
			Proposal: "p" + taskrun.Truncate(m.Text(), 60), UID: m.ID(), Verdict: Pick(m, finalVerdicts), Reason: m.Text(), Proposer: m.Text(),
			EvaluatedAt: m.Time(), StateID: m.maybeID(),
		})
	}
	if m.Flag() {
		run.Editable, run.Labels = m.editable(), m.labels()
	}
	run.StatusStale = false
	run.Updated = run.Updated.Add(time.Hour)
	run.EndRecorded, run.ExpirationTime = time.Time{}, Maybe(m, m.Time)
	if run.Finished() {
		run.EndRecorded = run.Updated
	}
}

// Flow returns a flow.
func (m Random) Flow() *flowrun.Flow {
	created := m.Time()
	return &flowrun.Flow{ID: m.ID(), Created: created, Updated: created, Name: "f" + m.Text(), Tags: m.tags(), Labels: m.labels()}
}
