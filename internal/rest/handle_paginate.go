package rest

import "net/http"

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
	room := make([]byte, 0, roomForText+roomForRun*len(page.Runs))
	return response{status: http.StatusOK, body: appendPage(room, page, asked.query.Limit, number, s.now())}, nil
}
