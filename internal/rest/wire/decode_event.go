package wire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// The limits of an event (contract §4.3). Values beyond them are not stored, so the event is accepted anyway. It is
// not sent to listeners in its own form.
const (
	maxEventName = 1024 // characters
	maxLabels    = 500  // of a resource
	maxRelated   = 100
)

// Labels of resources that the operator reads.
const (
	labelResourceID    = "prefect.resource.id"
	labelResourceName  = "prefect.resource.name"
	labelResourceRole  = "prefect.resource.role"
	labelOrchestration = "prefect.orchestration"
)

// The prefixes of the ids of runs as resources.
const (
	resourceTaskRun = "prefect.task-run."
	resourceFlowRun = "prefect.flow-run."
	resourceFlow    = "prefect.flow."
	resourceTag     = "prefect.tag."
)

const (
	eventTaskRun        = "prefect.task-run" // prefix of the names of events about task runs
	eventFlowRun        = "prefect.flow-run" // prefix of the names of events about flow runs
	roleFlowRun         = "flow-run"
	orchestrationClient = "client"
	orchestrationServer = "server"
)

// Event is an event of a client, about any resource (contract §4.3).
type Event struct {
	ID       string // UUID
	occurred time.Time
	name     string
	resource map[string]string
	related  []map[string]string
	payload  pyjson.Value
	follows  string       // UUID, "" for none
	whole    pyjson.Value // as sent
}

// ReportsRun reports whether a client sent the event to report a state of a task run.
func (e *Event) ReportsRun() bool {
	return strings.HasPrefix(e.name, eventTaskRun) && e.resource[labelOrchestration] == orchestrationClient
}

// DecodeEventFrame reads one event.
func DecodeEventFrame(text []byte) (Event, error) {
	body, fault := pyjson.Parse(text)
	if fault != nil {
		return Event{}, fmt.Errorf("an event that is no JSON: %w", fault)
	}
	var faults validate.Faults
	e := readEvent(faults.Node(body))
	if items := faults.Errors(); len(items) > 0 {
		return Event{}, fmt.Errorf("an event that is none: %w", newFieldError(items[0]))
	}
	return e, nil
}

// DecodeEvents reads a list of events.
func DecodeEvents(body pyjson.Value) ([]Event, error) {
	if body.IsNull() {
		return nil, missingBody()
	}
	var faults validate.Faults
	events := validate.List(faults.Node(body, "body"), readEvent)
	return events, Invalid(&faults, body)
}

// newFieldError returns the error of a field as one line.
func newFieldError(e validate.Error) error {
	var loc strings.Builder
	for _, part := range e.Loc {
		if loc.Len() > 0 {
			loc.WriteByte('.')
		}
		switch part := part.(type) {
		case string:
			loc.WriteString(part)
		case int:
			loc.WriteString(strconv.Itoa(part))
		}
	}
	if loc.Len() == 0 {
		return errors.New(e.Msg)
	}
	return errors.New(loc.String() + ": " + e.Msg)
}

// readEvent reads an Event. It ignores other keys.
func readEvent(n validate.Node) Event {
	e := Event{whole: n.Value}
	m, ok := n.Model()
	if !ok {
		return e
	}
	if n, given := m.Required("occurred"); given {
		e.occurred = n.Time()
	}
	if n, given := m.Required("event"); given {
		e.name = n.Text()
	}
	if n, given := m.Required("resource"); given {
		e.resource = readResource(n)
	}
	if n, given := m.Field("related"); given {
		e.related = readRelated(n)
	}
	e.payload = emptyObject
	if n, given := m.Field("payload"); given {
		e.payload = n.Value
		if n.Value.Kind() != pyjson.Object {
			n.Add("dict_type", "Input should be a valid dictionary", nil)
		}
	}
	if n, given := m.Required("id"); given {
		e.ID = n.UUID()
	}
	e.follows = ReadUUID(m, "follows")
	return e
}

// ReportsOnly reports whether the event can be sent to listeners as a report of that run: it is within the limits, and
// its resource is the run.
func (e *Event) ReportsOnly(runID string) bool {
	return !e.exceeds() && e.resource[labelResourceID] == resourceTaskRun+runID
}

// exceeds reports whether a value of the event exceeds a limit.
func (e *Event) exceeds() bool {
	hasSurplus := func(labels map[string]string) bool { return len(labels) > maxLabels }
	return utf8.RuneCountInString(e.name) > maxEventName || hasSurplus(e.resource) ||
		len(e.related) > maxRelated || slices.ContainsFunc(e.related, hasSurplus)
}

// readResource reads the labels of a resource. One of them must be its id.
func readResource(n validate.Node) map[string]string {
	labels := validate.Dict(n, validate.Node.Text)
	if n.Value.Kind() != pyjson.Object {
		return labels
	}
	id, given := labels[labelResourceID]
	switch {
	case !given:
		n.Refuse("Resources must include the " + labelResourceID + " label")
	case id == "":
		n.Refuse("The " + labelResourceID + " label must be non-empty")
	}
	return labels
}

func readRelated(n validate.Node) []map[string]string {
	return validate.List(n, func(n validate.Node) map[string]string {
		labels := readResource(n)
		if n.Value.Kind() != pyjson.Object {
			return labels
		}
		switch role, given := labels[labelResourceRole]; {
		case !given:
			n.Refuse("Related Resources must include the " + labelResourceRole + " label")
		case role == "":
			n.Refuse("The " + labelResourceRole + " label must be non-empty")
		}
		return labels
	})
}

// ResourceID returns the id of the resource of the event.
func (e *Event) ResourceID() string { return e.resource[labelResourceID] }
