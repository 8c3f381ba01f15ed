package rest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// uiCount answers with how many of the runs that match are in which type of state.
func (s *space) uiCount(r *request) (response, error) {
	asked := decodeCount(r.body)
	if err := asked.fault(r); err != nil {
		return response{}, err
	}
	counts, err := s.Runs.CountByState(r.ctx, asked.query.Filter)
	if err != nil {
		return response{}, err
	}
	b := append(make([]byte, 0, roomForText), '{')
	for i, count := range counts {
		b = appendKey(b, i, string(count.Type))
		b = strconv.AppendInt(b, int64(count.Count), 10)
	}
	return response{status: http.StatusOK, body: append(b, '}')}, nil
}

// uiDashboard answers with how the runs that match have ended, by start time.
func (s *space) uiDashboard(r *request) (response, error) {
	filter, why := decodeDashboard(r.body)
	if err := why.fault(r); err != nil {
		return response{}, err
	}
	buckets, err := s.Runs.Dashboard(r.ctx, filter)
	if err != nil {
		return response{}, err
	}
	b := append(make([]byte, 0, roomForRun), '[')
	for i, bucket := range buckets {
		b = appendComma(b, i)
		b = append(b, `{"completed":`...)
		b = strconv.AppendInt(b, int64(bucket.Completed), 10)
		b = append(b, `,"failed":`...)
		b = strconv.AppendInt(b, int64(bucket.Failed), 10)
		b = append(b, '}')
	}
	return response{status: http.StatusOK, body: append(b, ']')}, nil
}

// uiRead answers with a run and the name of its flow run, which is not known.
func (s *space) uiRead(r *request) (response, error) {
	run, err := s.Runs.Get(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	b := appendRunMembers(make([]byte, 0, roomForRun), run, s.now())
	return response{status: http.StatusOK, body: append(b, `,"flow_run_name":null}`...)}, nil
}

// uiCountByFlowRun answers with how many runs each of the flow runs has.
func (s *space) uiCountByFlowRun(r *request) (response, error) {
	ids, why := decodeFlowRunIDs(r.body)
	if err := why.fault(r); err != nil {
		return response{}, err
	}
	counts, err := s.Runs.CountByFlowRun(r.ctx, ids)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "{", "}", slices.Sorted(maps.Keys(counts)), roomForCount, func(b []byte, id string) []byte {
		return strconv.AppendInt(appendKey(b, 0, id), int64(counts[id]), 10)
	})
}

// roomForCount is the size of the count of one flow run, usually.
const roomForCount = 48
