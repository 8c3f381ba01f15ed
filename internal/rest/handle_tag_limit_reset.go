package rest

// resetLimitOfTag ends all that is held of a tag's limit, and lets the given runs
// hold slots.
func (s *space) resetLimitOfTag(r *request) (response, error) {
	runs, faults := decodeReset(r.body)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: r.body}
	}
	if err := s.Limits.Reset(r.ctx, tagPrefix+r.parameter, runs); err != nil {
		return response{}, err
	}
	return saysNull(), nil
}
