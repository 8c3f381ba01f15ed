package usecase

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ReadyWorkers finds workers for the runs that are created.
type ReadyWorkers interface {
	// Reserve reserves a worker of the task that is ready to take a run, until
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
	// Cancel ends the reservation without a run.
	Cancel()
}

// reserve makes a worker of this replica that is ready the holder of a run that is due when it
// is created, so that create and delivery are one write.
func (s *Service) reserve(first *taskrun.Run) Reservation {
	if s.ReadyWorkers == nil || !first.DueFromCreate() {
		return noReservation{}
	}
	reservation := s.ReadyWorkers.Reserve(first.TaskKey)
	if reservation == nil {
		return noReservation{}
	}
	first.DeliverFirst(reservation.Hold())
	return reservation
}

// untilDeadline returns a context with the values and the deadline of ctx that does not end
// when ctx is canceled.
func untilDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	uncanceled := context.WithoutCancel(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(uncanceled, deadline)
	}
	return uncanceled, func() {}
}

// noReservation is the Reservation if no worker is ready.
type noReservation struct{}

func (noReservation) Hold() taskrun.Hold                    { return taskrun.Hold{} }
func (noReservation) Deliver(context.Context, *taskrun.Run) {}
func (noReservation) Cancel()                               {}
