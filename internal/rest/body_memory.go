package rest

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
)

const (
	// memoryWait is how long a body or response waits for memory before its client
	// is told to come again.
	memoryWait = 5 * time.Second
	// uncountedBytes is the size up to which a response is so small that the number
	// of requests limits the memory of such responses well enough.
	uncountedBytes = 4 << 10
)

// bodyMemory limits the memory of bodies, frames and responses, in total and per caller. A request that waits for one
// of its parts holds none of a later one: arriving comes before parsed, and no request waits for responses.
type bodyMemory struct {
	arriving  *bytebudget.CallerBudget // text that is read, or waits to be recorded
	parsed    *bytebudget.CallerBudget // values until their request is answered
	responses *bytebudget.CallerBudget // until they are sent
}

// newBodyMemory divides the bytes among the parts. Parsed values get most.
func newBodyMemory(bytes int64) *bodyMemory {
	part := bytes / 6
	return &bodyMemory{bytebudget.NewCallerBudget(part), bytebudget.NewCallerBudget(bytes - 2*part), bytebudget.NewCallerBudget(part)}
}
