package taskrun

import "errors"

// ErrFull is what Slots.Take returns when a limit has no free slot.
var ErrFull = errors.New("no free slot")

// Claim says which run needs slots, for which state, and of the limits on which
// tags. The two ids identify it.
type Claim struct {
	RunID   string
	StateID string // of the RUNNING that is to be written
	Tags    []string
}
