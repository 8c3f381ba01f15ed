package feed

import (
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// SharedChange is a change that all readers of a stream share, with its encoded
// form.
type SharedChange struct {
	taskrun.Change

	first    bool      // the feed did not know the run before
	recorded time.Time // earliest possible time at which the state was recorded

	once     sync.Once
	encoded  []byte
	retained *retained // nil: the change is not kept for other readers
}

// Encoded returns the result of encode for the change. encode is called once,
// regardless of the number of readers. Readers must not change the result.
func (c *SharedChange) Encoded(encode func(*taskrun.Change) []byte) []byte {
	c.once.Do(func() {
		c.encoded = encode(&c.Change)
		if c.retained != nil {
			c.retained.grow(int64(cap(c.encoded)))
		}
	})
	if c.encoded == nil { // encode panicked
		return encode(&c.Change)
	}
	return c.encoded
}
