package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// postEvents takes events as the socket for them does (contract §4.3), and
// answers when they are durable.
func (s *space) postEvents(r *request) (response, error) {
	events, faults := decodeEvents(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	var reports []taskrun.Event
	for i := range events {
		if report, ok := s.reportOf(r.ctx, events[i], s.log); ok {
			reports = append(reports, report)
		}
	}
	if len(reports) > 0 {
		if err := s.recordOnce(r.ctx, reports); err != nil {
			return response{}, err
		}
	}
	return response{status: http.StatusNoContent}, nil
}
