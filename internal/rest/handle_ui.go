package rest

import (
	"maps"
	"net/http"
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/flowwire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// uiCount responds with the numbers of matching runs by type of state.
func (s *namespaceHandler) uiCount(r *request) (response, error) {
	filter, parents, err := wire.DecodeCount(r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Lists.Join(r.ctx, &filter, parents); err != nil {
		return response{}, err
	}
	counts, err := s.Lists.CountByState(r.ctx, filter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendStateCounts(make([]byte, 0, wire.TextSize), counts)}, nil
}

// uiDashboard responds with the numbers of matching runs that completed or failed, by start time.
func (s *namespaceHandler) uiDashboard(r *request) (response, error) {
	filter, parents, err := wire.DecodeDashboard(r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Lists.Join(r.ctx, &filter, parents); err != nil {
		return response{}, err
	}
	buckets, err := s.Lists.Dashboard(r.ctx, filter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendDashboard(make([]byte, 0, wire.RunSize), buckets[:])}, nil
}

// uiRead responds with a run and the name of its flow run, which is null if flow runs are not kept.
func (s *namespaceHandler) uiRead(r *request) (response, error) {
	run, err := s.Runs.Get(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	name, err := s.Runs.FlowRunName(r.ctx, run.FlowRunID)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendUIRun(make([]byte, 0, wire.RunSize), run, name, s.now())}, nil
}

// countDeployments responds with the numbers of deployments of flows. The operator keeps none.
func (s *namespaceHandler) countDeployments(r *request) (response, error) {
	ids, err := wire.DecodeFlowIDs(r.body)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "{", "}", ids, wire.FlowRunCountSize, func(b []byte, id string) []byte {
		return wire.AppendFlowRunCount(b, id, 0)
	})
}

// nextFlowRuns responds with the next scheduled run of each flow, null for none.
func (s *namespaceHandler) nextFlowRuns(r *request) (response, error) {
	ids, err := wire.DecodeFlowIDs(r.body)
	if err != nil {
		return response{}, err
	}
	next, err := s.Flows.NextRuns(r.ctx, ids)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "{", "}", ids, flowwire.RunSize, func(b []byte, id string) []byte {
		return flowwire.AppendNextRun(b, id, next[id])
	})
}

// uiCountByFlowRun responds with the numbers of runs of flow runs.
func (s *namespaceHandler) uiCountByFlowRun(r *request) (response, error) {
	ids, err := wire.DecodeFlowRunIDs(r.body)
	if err != nil {
		return response{}, err
	}
	counts, err := s.Lists.CountByFlowRun(r.ctx, ids)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "{", "}", slices.Sorted(maps.Keys(counts)), wire.FlowRunCountSize, func(b []byte, id string) []byte {
		return wire.AppendFlowRunCount(b, id, counts[id])
	})
}
