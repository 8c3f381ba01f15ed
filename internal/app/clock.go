package app

import "time"

// clock is the program's one clock: nothing else reads the time.
type clock struct{}

// Now returns the time.
func (clock) Now() time.Time { return time.Now() }
