package taskrun

import "errors"

// ErrFull is returned by Slots.Take if a limit has no free slot.
var ErrFull = errors.New("no free slot")

// Claim identifies a run that needs slots, the state that needs them, and the
// tags of the limits. The two ids identify the claim.
type Claim struct {
	RunID   string
	StateID string // id of the RUNNING state to be written
	Tags    []string
}
