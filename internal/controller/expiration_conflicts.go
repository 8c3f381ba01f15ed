package controller

import (
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// maxWrittenExpirations is the maximum number of recorded expiration times. A program
	// with another rule overwrites some of them, which is enough to detect it.
	maxWrittenExpirations = 1024
	// writtenExpirationAge is the age from which a record is dropped when the maximum is
	// reached.
	writtenExpirationAge = time.Hour
)

// expirationConflicts detects another program that overwrites status.expirationTime by
// another rule, such as another --finished-ttl. It records the expiration times that
// this program has written by the rule of a namespace. If such a time is overwritten
// and the rule has not changed, this program stops, because the two would overwrite
// each other forever. The zero value is ready to use.
type expirationConflicts struct {
	mu       sync.Mutex
	written  map[string]writtenExpiration // by the UID of the object
	disputed map[string]bool              // namespaces in which this program has stopped
}

type writtenExpiration struct {
	at    *time.Time
	since time.Time // when it was written
}

// detect reports whether another operator overwrites expiration times in the namespace
// of the run, and whether this is the first detection.
func (c *expirationConflicts) detect(namespace string, run *expiring, at *time.Time) (overwritten, isNew bool) {
	if run.ttl != nil {
		return false, false // the same for every program
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.disputed[namespace] {
		return true, false
	}
	before, known := c.written[run.uid]
	if !known || !taskrun.SameExpiration(at, before.at) {
		return false, false
	}
	if c.disputed == nil {
		c.disputed = map[string]bool{}
	}
	c.disputed[namespace] = true
	return true, true
}

// record records a written expiration time, up to maxWrittenExpirations.
func (c *expirationConflicts) record(run *expiring, at *time.Time, now time.Time) {
	if run.ttl != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written == nil {
		c.written = map[string]writtenExpiration{}
	}
	if len(c.written) >= maxWrittenExpirations {
		for object, old := range c.written {
			if now.Sub(old.since).Abs() >= writtenExpirationAge {
				delete(c.written, object)
			}
		}
	}
	if _, known := c.written[run.uid]; known || len(c.written) < maxWrittenExpirations {
		c.written[run.uid] = writtenExpiration{at, now}
	}
}

// reset ends the conflict in a namespace whose rule has changed.
func (c *expirationConflicts) reset(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.disputed, namespace)
}
