package rest

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/flowwire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// createFlowRun creates a run, or returns the run with the same idempotency key (flows contract §2.2). A state with a
// result needs the permission that a later set_state would need. Work pools and block documents are not kept.
func (s *namespaceHandler) createFlowRun(r *request) (response, error) {
	in, err := flowwire.DecodeRunCreate(r.body, r.header)
	if err != nil {
		return response{}, err
	}
	switch {
	case in.WorkPoolName != "":
		return response{}, wire.NewDetailError(http.StatusNotFound, `Work pool "`+in.WorkPoolName+`" not found.`)
	case in.InfrastructureDocumentID != "":
		return response{}, wire.NewDetailError(http.StatusConflict, textTaken)
	}
	if in.State != nil && in.State.HasResult() {
		if err := s.checkPermission(r.ctx, r.caller, VerbUpdate, ResourceFlowRunStates, s.namespace); err != nil {
			return response{}, err
		}
	}
	run, created, err := s.Flows.Create(r.ctx, in.NewRun)
	if err != nil {
		return response{}, err
	}
	return response{status: statusOf(created), body: flowwire.AppendRun(make([]byte, 0, flowwire.RunSize), run, s.now())}, nil
}

// readFlowRun responds with a run.
func (s *namespaceHandler) readFlowRun(r *request) (response, error) {
	run, err := s.Flows.Get(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: flowwire.AppendRun(make([]byte, 0, flowwire.RunSize), run, s.now())}, nil
}

// updateFlowRun changes the fields of the body.
func (s *namespaceHandler) updateFlowRun(r *request) (response, error) {
	edit, err := flowwire.DecodeRunUpdate(r.body)
	if err != nil {
		return response{}, err
	}
	return noContent(s.Flows.Update(r.ctx, r.parameter, edit))
}

// mergeFlowRunLabels sets the labels of the body. Other labels of the run do not change.
func (s *namespaceHandler) mergeFlowRunLabels(r *request) (response, error) {
	labels, err := flowwire.DecodeLabels(r.body)
	if err != nil {
		return response{}, err
	}
	return noContent(s.Flows.MergeLabels(r.ctx, r.parameter, labels))
}

// deleteFlowRun deletes a run with its states, its inputs, its task runs, and the lines that this replica has of it.
func (s *namespaceHandler) deleteFlowRun(r *request) (response, error) {
	err := s.Flows.Delete(r.ctx, r.parameter)
	if err == nil {
		s.logs.DeleteOfFlowRuns([]string{r.parameter})
	}
	return noContent(err)
}

// setFlowRunState proposes a state and responds with the verdict.
func (s *namespaceHandler) setFlowRunState(r *request) (response, error) {
	proposal, err := wire.DecodeSetState(r.body)
	if err != nil {
		return response{}, err
	}
	outcome, err := s.Flows.SetState(r.ctx, r.parameter, proposal)
	return respondOutcome(&outcome, err)
}

// resumeFlowRun resumes a paused run and responds with the verdict. Prefect responds with 500 if there is no such run.
func (s *namespaceHandler) resumeFlowRun(r *request) (response, error) {
	input, err := flowwire.DecodeResume(r.body)
	if err != nil {
		return response{}, err
	}
	outcome, err := s.Flows.Resume(r.ctx, r.parameter, input)
	return respondOutcome(&outcome, err)
}

// respondOutcome responds with a verdict. The status is 201 if a state was written (flows contract §4.3).
func respondOutcome(outcome *flowrun.Outcome, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{status: statusOf(outcome.Written), body: flowwire.AppendOutcome(make([]byte, 0, wire.StateSize), outcome)}, nil
}

// readFlowRunState responds with a state, current or past.
func (s *namespaceHandler) readFlowRunState(r *request) (response, error) {
	state, run, err := s.Flows.State(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: flowwire.AppendState(make([]byte, 0, wire.StateSize), run, state)}, nil
}

// listFlowRunStates responds with all states of a run, oldest first. An unknown run has none.
func (s *namespaceHandler) listFlowRunStates(r *request) (response, error) {
	id, err := wire.DecodeStatesQuery(r.query, "flow_run_id")
	if err != nil {
		return response{}, err
	}
	states, run, err := s.Flows.States(r.ctx, id)
	if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
		return response{}, err
	}
	return respondList(r, "[", "]", states, wire.StateSize, func(b []byte, state orchestration.State) []byte {
		return flowwire.AppendState(b, run, &state)
	})
}

// downloadLogs responds with the lines that clients logged about a run, by time.
func (s *namespaceHandler) downloadLogs(r *request) (response, error) {
	run, err := s.Flows.Get(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	lines, err := s.logs.Query(r.ctx, logs.Query{
		Filter: logs.Filter{FlowRunID: &taskrun.IDFilter{Any: []string{run.ID}}}, Limit: math.MaxInt,
	})
	if err != nil {
		return response{}, err
	}
	resp, err := respondJoined(r, listFrame{begin: flowwire.LogsHeader}, lines, wire.TextSize, flowwire.AppendLogRow)
	resp.mimeType = "text/csv; charset=utf-8"
	return resp.with("Content-Disposition", `attachment; filename="flow-run-logs.csv"; filename*=UTF-8''`+percentEncoded(run.Name+"-logs.csv")), err
}

// percentEncoded returns the extended notation of a header value (RFC 8187).
func percentEncoded(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
