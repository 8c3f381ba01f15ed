package delivery

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Metrics records deliveries and losses of runs, after the write.
type Metrics interface {
	// RunDelivered records a delivery: its number for this run, from 1, and the
	// time since the run was due.
	RunDelivered(attempt int, waited time.Duration)
	// RunAbandoned records a run that was taken from a lost worker, and its new
	// state: None if the run waits again in its earlier state.
	RunAbandoned(state orchestration.StateType)
}

// noMetrics discards all records.
type noMetrics struct{}

func (noMetrics) RunDelivered(int, time.Duration)      {}
func (noMetrics) RunAbandoned(orchestration.StateType) {}
