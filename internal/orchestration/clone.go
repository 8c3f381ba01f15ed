package orchestration

import (
	"bytes"
	"maps"
)

// clone returns a progress that shares no memory with p.
func (p Progress) clone() Progress {
	if p.State != nil {
		p.State = new(p.State.clone())
	}
	p.ExpectedStartTime = clonePointer(p.ExpectedStartTime)
	p.NextScheduledStartTime = clonePointer(p.NextScheduledStartTime)
	p.StartTime = clonePointer(p.StartTime)
	p.EndTime = clonePointer(p.EndTime)
	return p
}

// clone returns a state that shares no memory with s.
func (s State) clone() State {
	s.Message = clonePointer(s.Message)
	s.Data = bytes.Clone(s.Data)
	s.Details = s.Details.clone()
	return s
}

// clone returns details that share no memory with d.
func (d StateDetails) clone() StateDetails {
	d.ScheduledTime = clonePointer(d.ScheduledTime)
	d.CacheKey = clonePointer(d.CacheKey)
	d.CacheExpiration = clonePointer(d.CacheExpiration)
	d.Deferred = clonePointer(d.Deferred)
	d.PauseTimeout = clonePointer(d.PauseTimeout)
	d.PauseKey = clonePointer(d.PauseKey)
	d.RunInputKeyset = maps.Clone(d.RunInputKeyset)
	d.RefreshCache = clonePointer(d.RefreshCache)
	d.Retriable = clonePointer(d.Retriable)
	d.Traceparent = clonePointer(d.Traceparent)
	return d
}

// clonePointer returns a pointer to a copy of what p points to.
func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}
