package usecase

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// IdleWorkers finds idle workers for the runs that are created.
type IdleWorkers interface {
	// Reserve reserves an idle worker of the task, so that it gets no other run until
	// the reservation ends. It returns nil if there is none.
	Reserve(taskKey string) Reservation
}

// Reservation is a worker that is reserved for a run. It has to end with Deliver or
// Cancel. Further calls have no effect.
type Reservation interface {
	// Hold returns the worker.
	Hold() taskrun.Hold
	// Deliver sends the run to the worker. The run was created with the Hold.
	Deliver(ctx context.Context, run *taskrun.Run)
	// Cancel makes the worker idle again.
	Cancel()
}

// reserve makes an idle worker of this replica the holder of a run that is due when it
// is created, so that create and delivery are one write.
func (s *Service) reserve(first *taskrun.Run) Reservation {
	if s.IdleWorkers == nil || !first.DueFromCreate() {
		return noReservation{}
	}
	reservation := s.IdleWorkers.Reserve(first.TaskKey)
	if reservation == nil {
		return noReservation{}
	}
	first.DeliverFirst(reservation.Hold())
	return reservation
}

// noReservation stands for a worker that was not found.
type noReservation struct{}

func (noReservation) Hold() taskrun.Hold                    { return taskrun.Hold{} }
func (noReservation) Deliver(context.Context, *taskrun.Run) {}
func (noReservation) Cancel()                               {}
