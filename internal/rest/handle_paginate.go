package rest

import "github.com/taskrun-dev/taskrun-operator/internal/taskrun"

// paginate answers with a page of the runs that match, and how many there are.
func (s *space) paginate(r *request) (response, error) {
	asked, number := decodePaginate(r.body)
	if err := asked.fault(r); err != nil {
		return response{}, err
	}
	page, err := s.Runs.Query(r.ctx, asked.query)
	if err != nil {
		return response{}, err
	}
	now := s.now()
	end := appendPageEnd(make([]byte, 0, roomForText), page.Total, asked.query.Limit, number)
	return respondList(r, `{"results":[`, string(end), page.Runs, roomForRun, func(b []byte, run *taskrun.Run) []byte {
		return appendReducedRun(b, run, now)
	})
}
