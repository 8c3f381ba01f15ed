package rest

import (
	"bytes"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Bounds of what is remembered of events. A larger one is not remembered at all.
const (
	maxVerbatim      = 8 << 20 // bytes of all of them
	maxVerbatimEvent = 64 << 10
)

// verbatim remembers the latest events as clients sent them: a listener hears
// their words, with all that a client says beside the state, such as tags among
// what is related. It is in memory and of this replica; of other events listeners
// hear what the run tells.
type verbatim struct {
	mu    sync.Mutex
	texts map[string][]byte // by the ids of states
	order []string          // the first one goes first
	size  int               // of all texts, in bytes
}

func newVerbatim() *verbatim { return &verbatim{texts: map[string][]byte{}} }

// add remembers an event. Of two of one state the first one counts.
func (v *verbatim) add(stateID string, text []byte) {
	if len(text) > maxVerbatimEvent {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.texts[stateID]; known {
		return
	}
	v.texts[stateID] = bytes.Clone(text) // has no room behind it
	v.order = append(v.order, stateID)
	v.size += len(text)
	for v.size > maxVerbatim {
		v.size -= len(v.texts[v.order[0]])
		delete(v.texts, v.order[0])
		v.order = v.order[1:]
	}
}

// find returns the event that reported a change, if it is remembered and was
// about the run that it changed.
func (v *verbatim) find(c *taskrun.Change) (event, bool) {
	if !c.Reported {
		return event{}, false
	}
	v.mu.Lock()
	text, known := v.texts[c.State.ID]
	v.mu.Unlock()
	if !known {
		return event{}, false
	}
	e, err := decodeEventFrame(text)
	return e, err == nil && !e.exceeds() && e.resource[labelResourceID] == resourceTaskRun+c.Run.ID
}

func (e *event) member(key string) pyjson.Value {
	value, _ := e.whole.Member(key) // null, if there is none
	return value
}

// appendFrame writes a change as the frame that tells of an event, in the words
// of whoever reported it where they are remembered.
func (v *verbatim) appendFrame(b []byte, c *taskrun.Change) []byte {
	e, ok := v.find(c)
	if !ok {
		return appendEventFrame(b, c)
	}
	b = append(b, `{"type":"event","event":{"occurred":`...)
	b = appendTime(b, e.occurred.UTC())
	b = append(b, `,"event":`...)
	b = pyjson.AppendText(b, e.name)
	b = append(b, `,"resource":`...)
	b = e.member("resource").AppendTo(b)
	b = append(b, `,"related":[`...)
	for i, related := range e.member("related").Items() {
		b = appendComma(b, i)
		b = related.AppendTo(b)
	}
	b = append(b, `],"payload":`...)
	b = e.payload.AppendTo(b)
	b = append(b, `,"id":`...)
	b = pyjson.AppendText(b, e.id)
	b = append(b, `,"follows":`...)
	b = appendUnlessEmpty(b, e.follows)
	b = append(b, `,"received":`...)
	b = appendTime(b, c.Received.UTC())
	return append(b, `}}`...)
}
