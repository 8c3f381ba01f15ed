package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxFollows is the maximum time between two events of which one follows the other (contract §4.3).
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

func appendResource(b []byte, l resourceLabels) []byte { return AppendMembers(b, l...) }

// resourceOf returns the run of a change as the resource of an event (contract §4.3).
func resourceOf(c *taskrun.Change) resourceLabels {
	at := pyjson.AppendTime(nil, c.State.Timestamp.UTC())
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

// relatedTo returns the related resources of a change: the flow run, if there is one.
func relatedTo(c *taskrun.Change) []resourceLabels {
	if c.Run.FlowRunID == "" {
		return nil
	}
	return []resourceLabels{{{labelResourceID, resourceFlowRun + c.Run.FlowRunID}, {labelResourceRole, roleFlowRun}}}
}

// messageOf returns the message of a state. In events, an empty message is null.
func messageOf(s *orchestration.State) string {
	if s.Message == nil {
		return ""
	}
	return *s.Message
}

// beginEvent begins the frame of an event, and the event in it.
func beginEvent(b []byte) pyjson.ObjectWriter {
	return pyjson.BeginObject(pyjson.BeginObject(b).Text("type", "event").Member("event"))
}

// AppendEventFrame writes a change as the frame of an event (contract §4.5, A.3).
func AppendEventFrame(b []byte, c *taskrun.Change) []byte {
	o := beginEvent(b).
		Time("occurred", c.State.Timestamp.UTC()).
		Text("event", eventTaskRun+"."+c.State.Name)
	o = appendResource(o.Member("resource"), resourceOf(c))
	o = pyjson.AppendList(o.Member("related"), relatedTo(c), appendResource)
	o = appendPayload(o.Member("payload"), c)
	o = o.
		Text("id", c.State.ID).
		NonEmpty("follows", followed(c))
	return AppendEventEnd(o, c)
}

// followed returns the id of the previous event, unless it is too long ago.
func followed(c *taskrun.Change) string {
	if c.Previous == nil || c.State.Timestamp.Sub(c.Previous.Timestamp).Abs() >= maxFollows {
		return ""
	}
	return c.Previous.ID
}

func appendPayload(b []byte, c *taskrun.Change) []byte {
	o := pyjson.BeginObject(b)
	o = appendIntended(o.Member("intended"), c)
	if c.Previous == nil {
		o = o.Null("initial_state")
	} else {
		o = beginEventState(o.Member("initial_state"), c.Previous).End()
	}
	o = beginEventState(o.Member("validated_state"), c.State).Raw("data", c.State.Data).End()
	o = appendEventRun(o.Member("task_run"), c.Run)
	return o.End()
}

func appendIntended(b []byte, c *taskrun.Change) []byte {
	o := pyjson.BeginObject(b)
	if c.Previous == nil {
		o = o.Null("from")
	} else {
		o = o.Text("from", string(c.Previous.Type))
	}
	return o.Text("to", string(c.State.Type)).End()
}

func (e *Event) member(key string) pyjson.Value {
	value, _ := e.whole.Member(key) // null if there is none
	return value
}

// AppendReportedEvent writes the frame of an event as the client sent it, without the end. AppendEventEnd
// writes the end.
func AppendReportedEvent(b []byte, e *Event) []byte {
	o := beginEvent(b).
		Time("occurred", e.occurred.UTC()).
		Text("event", e.name).
		Value("resource", e.member("resource"))
	o = pyjson.AppendList(o.Member("related"), e.member("related").Items(), func(b []byte, v pyjson.Value) []byte { return v.AppendTo(b) })
	return o.
		Value("payload", e.payload).
		Text("id", e.ID).
		NonEmpty("follows", e.follows)
}

// AppendEventEnd writes the end of the frame of an event, with the time at which the operator received
// the change.
func AppendEventEnd(b []byte, c *taskrun.Change) []byte {
	event := pyjson.ObjectWriter(b).Time("received", c.Received.UTC()).End()
	return pyjson.ObjectWriter(event).End()
}
