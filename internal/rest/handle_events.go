package rest

import (
	"cmp"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// postEvents records events as the websocket for them does (contract §4.3), and responds when they are durable. A
// caller that has no permission to create the run of an event gets 403. The other events are recorded.
func (s *namespaceHandler) postEvents(r *request) (response, error) {
	events, errs := wire.DecodeEvents(r.body)
	if len(errs) > 0 {
		return response{}, &wire.InvalidError{Items: errs, Body: r.body}
	}
	var reports []taskrun.Event
	for i := range events {
		if report, ok := s.reportOf(r.ctx, events[i], s.log); ok {
			reports = append(reports, report)
		}
	}
	if len(reports) > 0 {
		forbidden, err := s.recordOnce(r.ctx, reports)
		if err = cmp.Or(err, forbidden); err != nil {
			return response{}, err
		}
	}
	return response{status: http.StatusNoContent}, nil
}
