package rest

// filter answers with the runs that match, sorted and paged.
func (s *space) filter(r *request) (response, error) {
	asked := decodeFilter(r.body)
	if err := asked.fault(r); err != nil {
		return response{}, err
	}
	page, err := s.Runs.Query(r.ctx, asked.query)
	if err != nil {
		return response{}, err
	}
	return s.respondRuns(r, page.Runs)
}
