package rest

import (
	"cmp"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// createLimit creates a limit.
func (s *namespaceHandler) createLimit(r *request) (response, error) {
	in, faults := wire.DecodeLimitCreate(r.body)
	if len(faults) > 0 {
		return response{}, &wire.InvalidError{Items: faults, Body: r.body}
	}
	limit, err := s.Limits.Create(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusCreated, body: wire.AppendWholeLimit(nil, limit)}, nil
}

// readLimit responds with the limit of an id or name.
func (s *namespaceHandler) readLimit(r *request) (response, error) {
	limit, err := s.Limits.Get(r.ctx, wire.LimitKey(r.parameter))
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimit(nil, limit)}, nil
}

// filterLimits responds with all limits, sorted by name.
func (s *namespaceHandler) filterLimits(r *request) (response, error) {
	return s.listLimits(r, "", wire.AppendLimit)
}

// listLimits responds with the limits whose names begin with the prefix.
func (s *namespaceHandler) listLimits(r *request, prefix string, appendOne func([]byte, *concurrency.View) []byte) (response, error) {
	list := wire.DecodeLimits(r.body)
	if err := list.Err(r.body); err != nil {
		return response{}, err
	}
	limits, err := s.Limits.List(r.ctx, prefix, list.Query.Offset, list.Query.Limit)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", limits, wire.TextSize, appendOne)
}

// updateLimit changes the fields of the body. Prefect's model accepts null for any field, and its database rejects it
// if the limit exists.
func (s *namespaceHandler) updateLimit(r *request) (response, error) {
	in, faults := wire.DecodeLimitUpdate(r.body)
	if len(faults) > 0 {
		return response{}, &wire.InvalidError{Items: faults, Body: r.body}
	}
	key := wire.LimitKey(r.parameter)
	if in.Null {
		_, err := s.Limits.Get(r.ctx, key)
		return response{}, cmp.Or(err, wire.NewDetailError(http.StatusConflict, textTaken))
	}
	if err := s.Limits.Update(r.ctx, key, in.Change); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}

// removeLimit deletes the limit of an id or name.
func (s *namespaceHandler) removeLimit(r *request) (response, error) {
	if err := s.Limits.Delete(r.ctx, wire.LimitKey(r.parameter)); err != nil {
		return response{}, err
	}
	return response{status: http.StatusNoContent}, nil
}
