package rest

import (
	"net/http"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/flowwire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// filterFlows responds with the flows that match, sorted and paged.
func (s *namespaceHandler) filterFlows(r *request) (response, error) {
	q, err := flowwire.DecodeFlowFilter(r.body)
	if err != nil {
		return response{}, err
	}
	page, err := s.Flows.QueryFlows(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", page.Flows, flowwire.FlowSize, flowwire.AppendFlow)
}

// paginateFlows responds with a page of the flows that match, and their number.
func (s *namespaceHandler) paginateFlows(r *request) (response, error) {
	q, number, err := flowwire.DecodeFlowPaginate(r.body)
	if err != nil {
		return response{}, err
	}
	page, err := s.Flows.QueryFlows(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	end := wire.AppendPageEnd(make([]byte, 0, wire.TextSize), page.Total, q.Limit, number)
	return respondList(r, wire.PageBegin, string(end), page.Flows, flowwire.FlowSize, flowwire.AppendFlow)
}

// countFlows responds with the number of flows that match.
func (s *namespaceHandler) countFlows(r *request) (response, error) {
	filters, err := flowwire.DecodeFlowCount(r.body)
	if err != nil {
		return response{}, err
	}
	n, err := s.Flows.CountFlows(r.ctx, filters)
	return respondCount(n, err)
}

func respondCount(n int, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: strconv.AppendInt(nil, int64(n), 10)}, nil
}

// bulkDeleteFlows deletes the flows that match, with their runs.
func (s *namespaceHandler) bulkDeleteFlows(r *request) (response, error) {
	q, err := flowwire.DecodeFlowBulkDelete(r.body)
	if err != nil {
		return response{}, err
	}
	deleted, err := s.Flows.BulkDeleteFlows(r.ctx, q)
	return respondDeleted(deleted, err)
}

func respondDeleted(ids []string, err error) (response, error) {
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: flowwire.AppendDeleted(make([]byte, 0, wire.TextSize), ids)}, nil
}

// filterFlowRuns responds with the runs that match, sorted and paged.
func (s *namespaceHandler) filterFlowRuns(r *request) (response, error) {
	q, err := flowwire.DecodeRunFilter(r.body)
	if err != nil {
		return response{}, err
	}
	page, err := s.Flows.Query(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return s.respondFlowRuns(r, "[", "]", page.Runs)
}

// paginateFlowRuns responds with a page of the runs that match, and their number.
func (s *namespaceHandler) paginateFlowRuns(r *request) (response, error) {
	q, number, err := flowwire.DecodeRunPaginate(r.body)
	if err != nil {
		return response{}, err
	}
	page, err := s.Flows.Query(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	end := wire.AppendPageEnd(make([]byte, 0, wire.TextSize), page.Total, q.Limit, number)
	return s.respondFlowRuns(r, wire.PageBegin, string(end), page.Runs)
}

func (s *namespaceHandler) respondFlowRuns(r *request, begin, end string, runs []*flowrun.Run) (response, error) {
	now := s.now()
	return respondList(r, begin, end, runs, flowwire.RunSize, func(b []byte, run *flowrun.Run) []byte {
		return flowwire.AppendRun(b, run, now)
	})
}

// countFlowRuns responds with the number of runs that match.
func (s *namespaceHandler) countFlowRuns(r *request) (response, error) {
	filters, err := flowwire.DecodeRunCount(r.body)
	if err != nil {
		return response{}, err
	}
	n, err := s.Flows.Count(r.ctx, filters)
	return respondCount(n, err)
}

// flowRunLateness responds with the mean lateness of the runs that match, in seconds, null if there are none.
func (s *namespaceHandler) flowRunLateness(r *request) (response, error) {
	filters, err := flowwire.DecodeRunCount(r.body)
	if err != nil {
		return response{}, err
	}
	mean, err := s.Flows.Lateness(r.ctx, filters)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: flowwire.AppendLateness(nil, mean)}, nil
}

// flowRunHistory responds with the numbers of matching runs by expected start time.
func (s *namespaceHandler) flowRunHistory(r *request) (response, error) {
	q, err := flowwire.DecodeRunHistory(r.body)
	if err != nil {
		return response{}, err
	}
	bins, err := s.Flows.History(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", bins, wire.TextSize, wire.AppendHistoryBin)
}

// flowRunPoints responds with the points of the dashboard of the Prefect UI, one for each run that matches.
func (s *namespaceHandler) flowRunPoints(r *request) (response, error) {
	q, err := flowwire.DecodePointHistory(r.body)
	if err != nil {
		return response{}, err
	}
	page, err := s.Flows.Query(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	now := s.now()
	return respondList(r, "[", "]", page.Runs, wire.TextSize, func(b []byte, run *flowrun.Run) []byte {
		return flowwire.AppendPoint(b, run, now)
	})
}

// bulkDeleteFlowRuns deletes the runs that match.
func (s *namespaceHandler) bulkDeleteFlowRuns(r *request) (response, error) {
	q, err := flowwire.DecodeRunBulkDelete(r.body)
	if err != nil {
		return response{}, err
	}
	deleted, err := s.Flows.BulkDelete(r.ctx, q)
	s.logs.DeleteOfFlowRuns(deleted)
	return respondDeleted(deleted, err)
}

// bulkSetFlowRunState proposes a state for each run that matches, and responds with the verdicts.
func (s *namespaceHandler) bulkSetFlowRunState(r *request) (response, error) {
	q, proposal, err := flowwire.DecodeBulkSetState(r.body)
	if err != nil {
		return response{}, err
	}
	outcomes, err := s.Flows.BulkSetState(r.ctx, q, proposal)
	if err != nil {
		return response{}, err
	}
	return respondList(r, flowwire.OutcomesBegin, flowwire.OutcomesEnd, outcomes, wire.StateSize, flowwire.AppendRunOutcome)
}
