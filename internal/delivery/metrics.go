package delivery

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Metrics hear what is done with runs, after it was written.
type Metrics interface {
	// RunDelivered tells how often the run was handed out by now, and how long
	// after it was due.
	RunDelivered(attempt int, waited time.Duration)
	// RunAbandoned tells the state that a run of a worker that is gone got, None
	// if it only waits again.
	RunAbandoned(state orchestration.StateType)
}

// noMetrics count nothing.
type noMetrics struct{}

func (noMetrics) RunDelivered(int, time.Duration)      {}
func (noMetrics) RunAbandoned(orchestration.StateType) {}
