package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxFollows is how long after another an event can follow it (contract §4.3).
const maxFollows = 5 * time.Minute

// resourceLabels are the labels of a resource, in the order of the wire.
type resourceLabels [][2]string

func (l resourceLabels) value(key string) string {
	for _, label := range l {
		if label[0] == key {
			return label[1]
		}
	}
	return ""
}

func (l resourceLabels) appendTo(b []byte) []byte {
	b = append(b, '{')
	for i, label := range l {
		b = appendKey(b, i, label[0])
		b = pyjson.AppendText(b, label[1])
	}
	return append(b, '}')
}

// resourceOf is the run of a change as the resource of an event (contract §4.3).
func resourceOf(c *taskrun.Change) resourceLabels {
	at := appendTime(nil, c.State.Timestamp.UTC())
	orchestrated := orchestrationServer
	if c.Reported {
		orchestrated = orchestrationClient
	}
	return resourceLabels{
		{labelResourceID, resourceTaskRun + c.Run.ID},
		{"prefect.resource.name", c.Run.Name},
		{"prefect.run-count", strconv.FormatInt(c.Run.RunCount, 10)},
		{"prefect.state-message", messageOf(c.State)},
		{"prefect.state-name", c.State.Name},
		{"prefect.state-timestamp", string(at[1 : len(at)-1])},
		{"prefect.state-type", string(c.State.Type)},
		{labelOrchestration, orchestrated},
	}
}

// relatedTo is what is related to a change: the flow run, if there is one.
func relatedTo(c *taskrun.Change) []resourceLabels {
	if c.Run.FlowRunID == "" {
		return nil
	}
	return []resourceLabels{{{labelResourceID, resourceFlowRun + c.Run.FlowRunID}, {labelResourceRole, roleFlowRun}}}
}

// messageOf is a state's message; in events none is empty.
func messageOf(s *orchestration.State) string {
	if s.Message == nil {
		return ""
	}
	return *s.Message
}

// AppendEventFrame writes a change as the frame of an event (contract §4.5, A.3).
func AppendEventFrame(b []byte, c *taskrun.Change) []byte {
	b = append(b, `{"type":"event","event":{"occurred":`...)
	b = appendTime(b, c.State.Timestamp.UTC())
	b = append(b, `,"event":`...)
	b = pyjson.AppendText(b, eventTaskRun+"."+c.State.Name)
	b = append(b, `,"resource":`...)
	b = resourceOf(c).appendTo(b)
	b = append(b, `,"related":[`...)
	for i, related := range relatedTo(c) {
		b = AppendComma(b, i)
		b = related.appendTo(b)
	}
	b = append(b, `],"payload":`...)
	b = appendPayload(b, c)
	b = append(b, `,"id":`...)
	b = pyjson.AppendText(b, c.State.ID)
	b = append(b, `,"follows":`...)
	return AppendEventEnd(appendUnlessEmpty(b, followed(c)), c)
}

// followed is the id of the event before, unless it is too long ago.
func followed(c *taskrun.Change) string {
	if c.Previous == nil || c.State.Timestamp.Sub(c.Previous.Timestamp).Abs() >= maxFollows {
		return ""
	}
	return c.Previous.ID
}

func appendPayload(b []byte, c *taskrun.Change) []byte {
	b = append(b, `{"intended":{"from":`...)
	if c.Previous == nil {
		b = append(b, "null"...)
	} else {
		b = pyjson.AppendText(b, string(c.Previous.Type))
	}
	b = append(b, `,"to":`...)
	b = pyjson.AppendText(b, string(c.State.Type))
	b = append(b, `},"initial_state":`...)
	if c.Previous == nil {
		b = append(b, "null"...)
	} else {
		b = append(appendEventState(b, c.Previous), '}')
	}
	b = append(b, `,"validated_state":`...)
	b = appendEventState(b, c.State)
	b = append(b, `,"data":`...)
	b = appendRaw(b, c.State.Data)
	b = append(b, `},"task_run":`...)
	b = appendEventRun(b, c.Run)
	return append(b, '}')
}

func (e *Event) member(key string) pyjson.Value {
	value, _ := e.whole.Member(key) // null, if there is none
	return value
}

// AppendReportedEvent writes the frame of an event as the client sent it. AppendEventEnd writes its end.
func AppendReportedEvent(b []byte, e *Event) []byte {
	b = append(b, `{"type":"event","event":{"occurred":`...)
	b = appendTime(b, e.occurred.UTC())
	b = append(b, `,"event":`...)
	b = pyjson.AppendText(b, e.name)
	b = append(b, `,"resource":`...)
	b = e.member("resource").AppendTo(b)
	b = append(b, `,"related":[`...)
	for i, related := range e.member("related").Items() {
		b = AppendComma(b, i)
		b = related.AppendTo(b)
	}
	b = append(b, `],"payload":`...)
	b = e.payload.AppendTo(b)
	b = append(b, `,"id":`...)
	b = pyjson.AppendText(b, e.ID)
	b = append(b, `,"follows":`...)
	return appendUnlessEmpty(b, e.follows)
}

// AppendEventEnd writes the end of the frame of an event, with the time at which the change was received.
func AppendEventEnd(b []byte, c *taskrun.Change) []byte {
	b = append(b, `,"received":`...)
	b = appendTime(b, c.Received.UTC())
	return append(b, `}}`...)
}
