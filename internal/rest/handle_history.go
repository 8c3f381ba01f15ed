package rest

// history answers with how many of the runs that match were to start when.
func (s *space) history(r *request) (response, error) {
	q, why := decodeHistory(r.body)
	if err := why.fault(r); err != nil {
		return response{}, err
	}
	bins, err := s.Runs.History(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", bins, roomForText, appendHistoryBin)
}
