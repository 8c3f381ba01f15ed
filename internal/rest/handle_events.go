package rest

import (
	"cmp"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// postEvents records events like the websocket for events (contract §4.3), and responds when they are durable. A
// caller without the permission to create the run of an event gets 403. The other events are recorded.
func (s *namespaceHandler) postEvents(r *request) (response, error) {
	events, err := wire.DecodeEvents(r.body)
	if err != nil {
		return response{}, err
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
