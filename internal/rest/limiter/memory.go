package limiter

import "github.com/taskrun-dev/taskrun-operator/internal/bytebudget"

// Memory limits the memory of bodies, frames and responses, in total and per caller. A request that waits for one
// part holds no memory of a later part: Arriving comes before Parsed, and no request waits for Responses.
type Memory struct {
	Arriving  *bytebudget.CallerBudget // text that is being read, or waits to be recorded
	Parsed    *bytebudget.CallerBudget // values, until the response of their request
	Responses *bytebudget.CallerBudget // until they are sent
}

// NewMemory divides the bytes among the parts. Parsed gets two thirds.
func NewMemory(bytes int64) *Memory {
	part := bytes / 6
	return &Memory{bytebudget.NewCallerBudget(part), bytebudget.NewCallerBudget(bytes - 2*part), bytebudget.NewCallerBudget(part)}
}
