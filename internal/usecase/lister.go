package usecase

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Lister has the use cases that read many runs, of one namespace or of all.
type Lister struct {
	runs  taskrun.Lister
	clock clock.PassiveClock
}

// NewLister returns the use cases that read many runs.
func NewLister(runs taskrun.Lister, clock clock.PassiveClock) *Lister {
	return &Lister{runs: runs, clock: clock}
}

// Query returns the runs that match, sorted and paged.
func (l *Lister) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	q.Now = l.now()
	return l.runs.Query(ctx, q)
}

// now returns the time with the precision that clients see.
func (l *Lister) now() time.Time {
	return l.clock.Now().UTC().Truncate(time.Microsecond)
}
