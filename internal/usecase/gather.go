package usecase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// gather collects the facts for the evaluation of the proposal. The proposed state
// gets the id stateID.
func (s *Service) gather(
	ctx context.Context, run *taskrun.Run, p taskrun.Proposal, stateID string, now time.Time,
) (facts orchestration.Facts, err error) {
	facts = orchestration.Facts{
		Run:      taskrun.RulesView(run),
		Proposed: p.State(stateID, now),
		Force:    p.Force,
		Now:      now,
		Draw:     s.Draw(),
		NewID:    s.NewID(),
	}
	if facts.FlowRun, err = s.flowRunOf(ctx, run); err != nil {
		return facts, err
	}
	if facts.CacheEntry, err = s.cacheEntryFor(ctx, facts.Proposed, now); err != nil {
		return facts, err
	}
	facts.TagLimits, err = s.limitsFor(ctx, run, p)
	return facts, err
}

// limitsFor returns the limits on the tags of a run that is to start.
func (s *Service) limitsFor(ctx context.Context, run *taskrun.Run, p taskrun.Proposal) ([]orchestration.TagLimit, error) {
	if s.Slots == nil || len(run.Tags) == 0 || p.Type != orchestration.Running {
		return nil, nil // no rule asks for limits
	}
	return s.Slots.TagLimits(ctx, run)
}

// flowRunOf returns the facts of the flow run that the run is in, nil for none.
func (s *Service) flowRunOf(ctx context.Context, run *taskrun.Run) (*orchestration.FlowRun, error) {
	if run.FlowRunID == "" {
		return nil, nil //nolint:nilnil // outside a flow run
	}
	facts, err := s.FlowRuns.Facts(ctx, run.FlowRunID)
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil, ErrNoFlowRun
	}
	return facts, err
}

// ErrNoFlowRun means that the flow run of the run does not exist. The rules cannot evaluate
// a proposal for such a run. It is a taskrun.ErrNotFound.
var ErrNoFlowRun = fmt.Errorf("the flow run of the task run: %w", taskrun.ErrNotFound)

// FlowRuns returns facts about the flow runs that task runs belong to.
type FlowRuns interface {
	// Facts returns what the rules need to know of the flow run. A nil result means
	// that flow runs are not stored, and counts as a running one. ErrNotFound means
	// that the flow run was deleted.
	Facts(ctx context.Context, id string) (*orchestration.FlowRun, error)
	// Describe returns the name and the labels of the flow run. Nil and ErrNotFound have
	// the same meaning as with Facts.
	Describe(ctx context.Context, id string) (*FlowRun, error)
}

// FlowRun is what task runs show of their flow run.
type FlowRun struct {
	Name   string
	Labels map[string]json.RawMessage // must not be changed
}

// FlowRunName returns the name of the flow run with this id, nil if it is not known.
// Errors: ErrUnavailable.
func (s *Service) FlowRunName(ctx context.Context, id string) (*string, error) {
	if id == "" {
		return nil, nil //nolint:nilnil // outside a flow run
	}
	flowRun, err := s.FlowRuns.Describe(ctx, id)
	if flowRun == nil || err != nil {
		return nil, ignoreNotFound(err)
	}
	return &flowRun.Name, nil
}

// noFlowRuns are those of a program that keeps none: any id may be that of
// a running one.
type noFlowRuns struct{}

func (noFlowRuns) Facts(context.Context, string) (*orchestration.FlowRun, error) {
	return nil, nil //nolint:nilnil // see FlowRuns
}

func (noFlowRuns) Describe(context.Context, string) (*FlowRun, error) {
	return nil, nil //nolint:nilnil // see FlowRuns
}

// cacheEntryFor returns the cache entry for a start in this state. It is nil if there
// is none, or if the state does not use the cache.
func (s *Service) cacheEntryFor(ctx context.Context, proposed orchestration.State, now time.Time) (*orchestration.State, error) {
	if !proposed.AsksCache() {
		return nil, nil //nolint:nilnil // the cache is not used
	}
	entry, err := s.Store.CacheEntry(ctx, *proposed.Details.CacheKey, now)
	return entry, ignoreNotFound(err)
}
