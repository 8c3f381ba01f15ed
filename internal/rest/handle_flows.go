package rest

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/flowwire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// Flows are the use cases of flows and flow runs. *flows.Service implements them. Its errors are those of
// flowrun.Store, never taskrun.ErrConflict: a client takes 409 for a failure of its flow (flows contract §0.3).
type Flows interface {
	FlowLists

	// Follow is that of Stream, for the states of flow runs.
	Follow(ctx context.Context, f taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange[*flowrun.Run], error]
	// RelatedTo returns what the events of a run are about.
	RelatedTo(run *flowrun.Run) flowrun.Related

	CreateFlow(ctx context.Context, in flowrun.NewFlow) (flow *flowrun.Flow, created bool, err error)
	Flow(ctx context.Context, id string) (*flowrun.Flow, error)
	FlowNamed(ctx context.Context, name string) (*flowrun.Flow, error)
	SetFlowTags(ctx context.Context, id string, tags []string) error
	TouchFlow(ctx context.Context, id string) error
	DeleteFlow(ctx context.Context, id string) error

	Create(ctx context.Context, in flowrun.NewRun) (run *flowrun.Run, created bool, err error)
	Get(ctx context.Context, id string) (*flowrun.Run, error)
	SetState(ctx context.Context, id string, p taskrun.Proposal) (flowrun.Outcome, error)
	Resume(ctx context.Context, id string, input json.RawMessage) (flowrun.Outcome, error)
	Update(ctx context.Context, id string, edit flowrun.Edit) error
	MergeLabels(ctx context.Context, id string, labels map[string]json.RawMessage) error
	Delete(ctx context.Context, id string) error
	State(ctx context.Context, stateID string) (*orchestration.State, *flowrun.Run, error)
	States(ctx context.Context, runID string) ([]orchestration.State, *flowrun.Run, error)
	Graph(ctx context.Context, id string, since *time.Time) (*flowrun.Graph, error)
	Dependencies(ctx context.Context, id string) ([]*taskrun.Run, error)

	CreateInput(ctx context.Context, in flowrun.Input) error
	Input(ctx context.Context, runID, key string) (*flowrun.Input, error)
	ListInputs(ctx context.Context, runID string, f flowrun.InputFilter) ([]*flowrun.Input, error)
	DeleteInput(ctx context.Context, runID, key string) error
}

var _ Flows = (*flows.Service)(nil)

// FlowLists are the use cases of many flows and flow runs.
type FlowLists interface {
	QueryFlows(ctx context.Context, q flowrun.FlowQuery) (flowrun.FlowPage, error)
	CountFlows(ctx context.Context, f flowrun.Filters) (int, error)
	BulkDeleteFlows(ctx context.Context, q flowrun.FlowQuery) (deleted []string, err error)

	Query(ctx context.Context, q flowrun.Query) (flowrun.Page, error)
	Count(ctx context.Context, f flowrun.Filters) (int, error)
	History(ctx context.Context, q flowrun.HistoryQuery) ([]taskrun.HistoryBin, error)
	Lateness(ctx context.Context, f flowrun.Filters) (*float64, error)
	NextRuns(ctx context.Context, flowIDs []string) (map[string]*flowrun.Run, error)
	BulkDelete(ctx context.Context, q flowrun.Query) (deleted []string, err error)
	BulkSetState(ctx context.Context, q flowrun.Query, p taskrun.Proposal) ([]flowrun.Outcome, error)
}

// createFlow registers a flow, or returns the flow with the same name as it is (flows contract §0.20).
func (s *namespaceHandler) createFlow(r *request) (response, error) {
	in, err := flowwire.DecodeFlowCreate(r.body)
	if err != nil {
		return response{}, err
	}
	flow, created, err := s.Flows.CreateFlow(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: statusOf(created), body: flowwire.AppendFlow(make([]byte, 0, flowwire.FlowSize), flow)}, nil
}

// statusOf returns the status of a response that has something new, or not.
func statusOf(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

// readFlow responds with a flow.
func (s *namespaceHandler) readFlow(r *request) (response, error) {
	flow, err := s.Flows.Flow(r.ctx, r.parameter)
	return respondFlow(flow, err)
}

// readFlowNamed responds with the flow of a name.
func (s *namespaceHandler) readFlowNamed(r *request) (response, error) {
	flow, err := s.Flows.FlowNamed(r.ctx, r.parameter)
	return respondFlow(flow, err)
}

func respondFlow(flow *flowrun.Flow, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: flowwire.AppendFlow(make([]byte, 0, flowwire.FlowSize), flow)}, nil
}

// updateFlow replaces the tags of a flow. Without tags in the body only the time of the last write changes (flows
// contract §2.1).
func (s *namespaceHandler) updateFlow(r *request) (response, error) {
	tags, given, err := flowwire.DecodeFlowUpdate(r.body)
	if err != nil {
		return response{}, err
	}
	if given {
		err = s.Flows.SetFlowTags(r.ctx, r.parameter, tags)
	} else {
		err = s.Flows.TouchFlow(r.ctx, r.parameter)
	}
	return noContent(err)
}

// noContent responds to a write without a result.
func noContent(err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

// deleteFlow deletes a flow with its runs.
func (s *namespaceHandler) deleteFlow(r *request) (response, error) {
	return noContent(s.Flows.DeleteFlow(r.ctx, r.parameter))
}

// flow responds with a flow of any id. The id is also the name. An SDK requests the flow before it reports a state from
// inside a flow, and drops the report without a response (contract §4.8).
func (s *namespaceHandler) flow(r *request) (response, error) {
	return response{status: http.StatusOK, body: wire.AppendFlow(make([]byte, 0, wire.TextSize), r.parameter)}, nil
}
