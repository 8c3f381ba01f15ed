package rest

// filterTagLimits answers with the limits of tags, by name. Prefect counts other
// limits too when it cuts out the page, and so skips some; here none is skipped.
func (s *space) filterTagLimits(r *request) (response, error) {
	return s.listLimits(r, tagPrefix, appendTagLimit)
}
