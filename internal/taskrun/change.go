package taskrun

import (
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Change is one state that a run entered. Its readers share it and what it refers to.
type Change struct {
	Run      *Run                 // as it was after the change, or later
	State    *orchestration.State // the state entered
	Previous *orchestration.State // nil: none, or not known
	Reported bool                 // by an Event; else it was made here, over REST or by the controller
	Received time.Time            // when it became known here
}

// SharedChange is a change that all readers of a stream share, with the form in
// which they send it.
type SharedChange struct {
	Change

	first    bool      // the run was not known before
	recorded time.Time // when the state was recorded at the earliest

	once     sync.Once
	encoded  []byte
	retained *retained // nil: the change is not kept for other readers
}

// Encoded returns what encode makes of the change. encode is called once, whatever
// the number of readers, who must not change the result.
func (c *SharedChange) Encoded(encode func(*Change) []byte) []byte {
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

const (
	// runOverhead and stateOverhead are the bytes of a run and a state in memory
	// without their texts.
	runOverhead   = 800
	stateOverhead = 400
	// entryOverhead is what a small value takes beside its text.
	entryOverhead = 64
)

// approximateBytes is about the memory that the run takes.
func (r *Run) approximateBytes() int64 {
	n := runOverhead + len(r.ID) + len(r.Name) + len(r.FlowRunID) + len(r.TaskKey) + len(r.DynamicKey)
	for _, tag := range r.Tags {
		n += entryOverhead + len(tag)
	}
	for key, value := range r.Labels {
		n += entryOverhead + len(key) + len(value)
	}
	for key, inputs := range r.TaskInputs {
		n += inputBytes(key, inputs)
	}
	if r.Named != nil {
		for _, argument := range r.Named.Arguments {
			n += inputBytes(argument.Name, argument.Sources)
		}
	}
	for i := range r.stateCount() {
		state := r.stateAt(i)
		n += stateOverhead + len(state.Name) + len(state.Data)
		for _, text := range []*string{state.Message, state.Details.CacheKey, state.Details.PauseKey, state.Details.Traceparent} {
			if text != nil {
				n += len(*text)
			}
		}
		for key, value := range state.Details.RunInputKeyset {
			n += entryOverhead + len(key) + len(value)
		}
	}
	return int64(n)
}

// inputBytes is about the memory that an argument and its sources take.
func inputBytes(argument string, sources []TaskInput) int {
	n := entryOverhead + len(argument)
	for i := range sources {
		n += entryOverhead + len(sources[i].ID) + len(sources[i].Name) + len(sources[i].Type)
	}
	return n
}
