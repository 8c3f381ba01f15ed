package wire

import (
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// resourceOfFlowRun returns the run of a change as the resource of an event (flows contract §7.1).
func resourceOfFlowRun(c *flowrun.Change) resourceLabels {
	return stateLabels(resourceFlowRun+c.Run.ID, c.Run.Name, c.Run.RunCount, c.State)
}

// AppendFlowRunEventFrame writes a change as the frame of an event (flows contract §7.1).
func AppendFlowRunEventFrame(b []byte, c *flowrun.Change, related flowrun.Related) []byte {
	o := beginEvent(b).
		Time("occurred", c.State.Timestamp.UTC()).
		Text("event", eventFlowRun+"."+c.State.Name)
	o = appendResource(o.Member("resource"), resourceOfFlowRun(c))
	o = pyjson.AppendList(o.Member("related"), relatedToFlowRun(related), appendResource)
	o = appendFlowRunPayload(o.Member("payload"), c)
	o = o.
		Text("id", c.State.ID).
		NonEmpty("follows", followed(c.State, c.Previous))
	return AppendEventEnd(o, c.Received)
}

// relatedToFlowRun returns the related resources, in the order of the wire.
func relatedToFlowRun(r flowrun.Related) (related []resourceLabels) {
	if r.Flow != nil {
		related = append(related, resourceLabels{
			{labelResourceID, resourceFlow + r.Flow.ID}, {labelResourceRole, "flow"}, {labelResourceName, r.Flow.Name},
		})
	}
	if r.ParentRun != nil {
		related = append(related, resourceLabels{
			{labelResourceID, resourceTaskRun + r.ParentRun.ID}, {labelResourceRole, "task-run"}, {labelResourceName, r.ParentRun.Name},
		})
	}
	for _, tag := range r.Tags {
		related = append(related, resourceLabels{{labelResourceID, resourceTag + tag}, {labelResourceRole, "tag"}})
	}
	return related
}

func appendFlowRunPayload(b []byte, c *flowrun.Change) []byte {
	o := pyjson.BeginObject(b)
	o = appendIntended(o.Member("intended"), c.State, c.Previous)
	if c.Previous == nil {
		o = o.Null("initial_state")
	} else {
		o = appendStateOfPayload(o.Member("initial_state"), c.Previous)
	}
	return pyjson.ObjectWriter(appendStateOfPayload(o.Member("validated_state"), c.State)).End()
}

// maxEventMessage is the maximum length of a message in a payload, in characters (flows contract §7.1).
const maxEventMessage = 100_000

// appendStateOfPayload writes the type, name and message of a state.
func appendStateOfPayload(b []byte, state *orchestration.State) []byte {
	o := pyjson.BeginObject(b).Text("type", string(state.Type)).Text("name", state.Name)
	if message := messageOf(state); message != "" {
		o = o.Text("message", firstCharacters(message, maxEventMessage))
	}
	return o.End()
}

// firstCharacters returns the beginning of a text.
func firstCharacters(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := 0
	for i := range text {
		if n++; n > most {
			return strings.Clone(text[:i])
		}
	}
	return text
}
