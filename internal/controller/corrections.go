package controller

import (
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// maxCorrections is how many expiration times are remembered. Another program
	// that writes other ones overwrites some of them.
	maxCorrections = 1024
	// correctionAge is how long an expiration time is remembered when others need
	// the place.
	correctionAge = time.Hour
)

// corrections remembers the expiration times that this program has written by the
// rule of a namespace. One that was overwritten although the rule is the same is the
// work of another program with another rule, such as another --finished-ttl. The two
// would overwrite each other without end, so this one stops. The zero corrections are
// ready to use.
type corrections struct {
	mu       sync.Mutex
	written  map[string]correction // by the UID of the object
	disputed map[string]bool       // namespaces in which this program has stopped
}

type correction struct {
	at    *time.Time
	since time.Time // when it was written
}

// overwritten reports whether another program overwrites expiration times in the
// namespace of the run, and whether that is new.
func (c *corrections) overwritten(namespace string, run *taskrun.Run, at *time.Time) (overwritten, isNew bool) {
	if run.TTL != nil {
		return false, false // the same for every program
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.disputed[namespace] {
		return true, false
	}
	before, known := c.written[run.Ref.UID]
	if !known || !(&taskrun.Run{ExpirationTime: before.at}).ShowsExpiration(at) {
		return false, false
	}
	if c.disputed == nil {
		c.disputed = map[string]bool{}
	}
	c.disputed[namespace] = true
	return true, true
}

// note remembers what was written, as long as there is room.
func (c *corrections) note(run *taskrun.Run, at *time.Time, now time.Time) {
	if run.TTL != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written == nil {
		c.written = map[string]correction{}
	}
	if len(c.written) >= maxCorrections {
		for object, old := range c.written {
			if now.Sub(old.since).Abs() >= correctionAge {
				delete(c.written, object)
			}
		}
	}
	if _, known := c.written[run.Ref.UID]; known || len(c.written) < maxCorrections {
		c.written[run.Ref.UID] = correction{at, now}
	}
}

// forget begins anew in a namespace, whose rule has changed.
func (c *corrections) forget(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.disputed, namespace)
}
