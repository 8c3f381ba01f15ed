package feed

import (
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// SharedChange is a change that all readers of a stream share, with the form in
// which they send it.
type SharedChange struct {
	taskrun.Change

	first    bool      // the run was not known before
	recorded time.Time // when the state was recorded at the earliest

	once     sync.Once
	encoded  []byte
	retained *retained // nil: the change is not kept for other readers
}

// Encoded returns what encode makes of the change. encode is called once, whatever
// the number of readers. They must not change the result.
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
