package orchestration

import "time"

// Run is the part of a run that rules use.
type Run struct {
	ID        string
	FlowRunID string // empty outside a flow run
	Tags      []string
	Policy    RetryPolicy
	Progress
}

// Progress is the part of a run that transitions change. The transforms
// (contract §3.5) and the after hooks of rules are its only writers.
type Progress struct {
	State                  *State // nil only before the first state
	RunCount               int64  // entries into RUNNING since the last restart
	FlowRunRunCount        int64  // the flow run's run count at the last RUNNING
	ExpectedStartTime      *time.Time
	NextScheduledStartTime *time.Time // set while SCHEDULED
	StartTime              *time.Time
	EndTime                *time.Time
	TotalRunTime           time.Duration // over all exits from RUNNING; can be negative if clocks stepped
}

// RetryPolicy is the part of a run's empirical policy that RetryFailedTasks
// uses.
type RetryPolicy struct {
	Retries      *float64  // nil: never retried by the server
	Delays       []float64 // seconds, one for all attempts or one each; the last repeats; empty means 0
	JitterFactor float64   // 0: none
}
