package rest

import (
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// createTagLimit creates the limit of a tag, or changes its number of slots.
func (s *namespaceHandler) createTagLimit(r *request) (response, error) {
	tag, slots, errs := wire.DecodeTagLimitCreate(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	limit, created, err := s.Limits.Put(r.ctx, wire.TagPrefix+tag, slots)
	if err != nil {
		return response{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return response{status: status, body: wire.AppendTagLimit(nil, limit)}, nil
}

// readTagLimit responds with the limit of an id, if it is the limit of a tag.
func (s *namespaceHandler) readTagLimit(r *request) (response, error) {
	limit, err := s.Limits.Get(r.ctx, concurrency.Key{ID: r.parameter})
	if err != nil {
		return response{}, err
	}
	if !strings.HasPrefix(limit.Name, wire.TagPrefix) {
		return response{}, taskrun.ErrNotFound
	}
	return response{status: http.StatusOK, body: wire.AppendTagLimit(nil, limit)}, nil
}

// readLimitOfTag responds with the limit of a tag.
func (s *namespaceHandler) readLimitOfTag(r *request) (response, error) {
	limit, err := s.Limits.Get(r.ctx, wire.TagKey(r.parameter))
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendTagLimit(nil, limit)}, nil
}

// filterTagLimits responds with the limits of tags, sorted by name. Prefect counts other limits in its offset too, and
// so skips limits of tags. Here no limit is skipped.
func (s *namespaceHandler) filterTagLimits(r *request) (response, error) {
	return s.listLimits(r, wire.TagPrefix, wire.AppendTagLimit)
}

// resetLimitOfTag releases all slots of the limit of a tag, and acquires one for each run of the body.
func (s *namespaceHandler) resetLimitOfTag(r *request) (response, error) {
	runs, errs := wire.DecodeReset(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	if err := s.Limits.Reset(r.ctx, wire.TagPrefix+r.parameter, runs); err != nil {
		return response{}, err
	}
	return nullResponse(), nil
}

// removeTagLimit deletes the limit of an id.
func (s *namespaceHandler) removeTagLimit(r *request) (response, error) {
	return s.removed(r, concurrency.Key{ID: r.parameter})
}

// removeLimitOfTag deletes the limit of a tag.
func (s *namespaceHandler) removeLimitOfTag(r *request) (response, error) {
	return s.removed(r, wire.TagKey(r.parameter))
}

// removed deletes a limit. Unlike other routes that delete, the response is null.
func (s *namespaceHandler) removed(r *request, key concurrency.Key) (response, error) {
	if err := s.Limits.Delete(r.ctx, key); err != nil {
		return response{}, err
	}
	return nullResponse(), nil
}

// nullResponse returns the response of routes without a result.
func nullResponse() response { return response{status: http.StatusOK, body: []byte("null")} }

// incrementTags acquires a slot of the limit of each tag for a task run.
func (s *namespaceHandler) incrementTags(r *request) (response, error) {
	in, errs := wire.DecodeTagSlots(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	limits, err := s.Limits.AcquireForRun(r.ctx, in.Tags, in.RunID)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimits(nil, limits, wire.AppendLimitTag)}, nil
}

// decrementTags releases the slots of a task run. The names in the response have the prefix that those of incrementTags
// do not have (contract §4.6).
func (s *namespaceHandler) decrementTags(r *request) (response, error) {
	in, errs := wire.DecodeTagSlots(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	limits, err := s.Limits.ReleaseForRun(r.ctx, in.Tags, in.RunID)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendLimits(nil, limits, wire.AppendLimitName)}, nil
}
