package taskrun

import "time"

// TaskWorker is a process that runs background runs of some tasks (contract
// §1.6).
type TaskWorker struct {
	Identifier string
	TaskKeys   []string  // task keys of its tasks
	Timestamp  time.Time // when it was last seen
}
