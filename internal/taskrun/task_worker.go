package taskrun

import "time"

// TaskWorker is a process that takes runs of some tasks (contract §1.6).
type TaskWorker struct {
	Identifier string
	TaskKeys   []string  // of which tasks
	Timestamp  time.Time // when it was last seen
}
