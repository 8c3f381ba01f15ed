// Package offsetclock has a clock for tests that runs at an offset from the machine's, or from that of a synctest bubble,
// as the clock of another replica does. The fakes of k8s.io/utils/clock/testing do not run.
package offsetclock

import (
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// Clock is safe for concurrent use.
type Clock struct{ offset atomic.Int64 }

var _ clock.PassiveClock = (*Clock)(nil)

// New returns a clock that is ahead by the offset. A negative one is behind.
func New(offset time.Duration) *Clock {
	c := &Clock{}
	c.Step(offset)
	return c
}

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Since returns the time from t until now.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Step adds to the offset.
func (c *Clock) Step(d time.Duration) { c.offset.Add(int64(d)) }
