package flowrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

const (
	// pauseGrace is the time after the timeout of a pause at which the run fails. Until
	// then, a client that resumes too late gets the reason. Prefect's service checks every
	// 5 s (flows contract §11).
	pauseGrace = 10 * time.Second
	// cancellingLimit is how long a run can be CANCELLING (flows contract §6).
	cancellingLimit = 300 * time.Second
	// lateAfter is the time after its scheduled start, or after it was scheduled if that is
	// later, at which a run is late (flows contract §6).
	lateAfter = 15 * time.Second
)

// PauseEnd returns when a paused run that is not resumed fails; nil: never.
func (r *Run) PauseEnd() *time.Time {
	if r.State == nil || r.State.Type != orchestration.Paused || r.State.Details.PauseTimeout == nil {
		return nil
	}
	end := r.State.Details.PauseTimeout.Add(pauseGrace)
	return &end
}

// CancellingEnd returns when a run whose cancellation is not confirmed becomes CANCELLED;
// nil if the run is not CANCELLING.
func (r *Run) CancellingEnd() *time.Time {
	if r.State == nil || r.State.Type != orchestration.Cancelling {
		return nil
	}
	end := r.State.Timestamp.Add(cancellingLimit)
	return &end
}

// LateTime returns when a run that was not started is late; nil: never. Only runs in the
// state Scheduled can be late: a run that waits for its retry cannot. A run that was
// scheduled for a time in the past has as long as any other to start.
func (r *Run) LateTime() *time.Time {
	if r.State == nil || r.State.Type != orchestration.Scheduled ||
		r.State.Name != orchestration.Scheduled.DefaultName() || r.NextScheduledStartTime == nil {
		return nil
	}
	late := r.State.Timestamp.Add(lateAfter)
	if scheduled := r.NextScheduledStartTime.Add(lateAfter); scheduled.After(late) {
		late = scheduled
	}
	return &late
}
