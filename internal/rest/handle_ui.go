package rest

import (
	"maps"
	"net/http"
	"slices"
)

// uiCount answers with how many of the runs that match are in which type of state.
func (s *space) uiCount(r *request) (response, error) {
	list := decodeCount(r.body)
	if err := list.err(r.body); err != nil {
		return response{}, err
	}
	counts, err := s.Runs.CountByState(r.ctx, list.query.Filter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendStateCounts(make([]byte, 0, roomForText), counts)}, nil
}

// uiDashboard answers with how the runs that match have ended, by start time.
func (s *space) uiDashboard(r *request) (response, error) {
	filter, why := decodeDashboard(r.body)
	if err := why.err(r.body); err != nil {
		return response{}, err
	}
	buckets, err := s.Runs.Dashboard(r.ctx, filter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendDashboard(make([]byte, 0, roomForRun), buckets[:])}, nil
}

// uiRead answers with a run and the name of its flow run, which is not known.
func (s *space) uiRead(r *request) (response, error) {
	run, err := s.Runs.Get(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendUIRun(make([]byte, 0, roomForRun), run, s.now())}, nil
}

// uiCountByFlowRun answers with how many runs each of the flow runs has.
func (s *space) uiCountByFlowRun(r *request) (response, error) {
	ids, why := decodeFlowRunIDs(r.body)
	if err := why.err(r.body); err != nil {
		return response{}, err
	}
	counts, err := s.Runs.CountByFlowRun(r.ctx, ids)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "{", "}", slices.Sorted(maps.Keys(counts)), roomForCount, func(b []byte, id string) []byte {
		return appendFlowRunCount(b, id, counts[id])
	})
}
