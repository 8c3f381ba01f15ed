package wire

import (
	"slices"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// EventFilter selects the events for a listener (contract §4.5). A nil criterion selects all events.
type EventFilter struct {
	backfill     bool // also earlier events
	since, until *time.Time
	name         nameCriteria
	ids          textSet // of events
	resource     resourceCriteria
	related      resourceCriteria
	anyResource  resourceCriteria
}

// nameCriteria are criteria on the name of an event.
type nameCriteria struct {
	names, excluded            textSet
	prefixes, excludedPrefixes []string
	// outcomes has the kinds of runs whose names are those that futures use. They select the end of a run, regardless
	// of the name of its last state.
	outcomes map[string]bool
}

// resourceCriteria are criteria on the labels of a resource.
type resourceCriteria struct {
	ids, roles textSet
	prefixes   []string
	labels     map[string][]string
}

// textSet is a set of texts; nil means no criterion.
type textSet map[string]bool

// readSet is readWanted for values that are compared as a whole.
func readSet(m *validate.Model, key string, read func(validate.Node) string) textSet {
	list := readWanted(m, key, read)
	if list == nil {
		return nil
	}
	return taskrun.SetOf(list)
}

// maxPatterns is the maximum number of prefixes, or of values of a label, in a filter. Each is compared with every
// event.
const maxPatterns = 100

// readPatterns is readWanted for values that are compared one by one.
func readPatterns(m *validate.Model, key string) []string {
	list := readWanted(m, key, validate.Node.Text)
	if n, given := m.Given(key); given {
		refusePatterns(n, len(list))
	}
	return list
}

func refusePatterns(n validate.Node, length int) {
	if length > maxPatterns {
		n.Refuse("at most " + strconv.Itoa(maxPatterns) + " are served")
	}
}

func (c *resourceCriteria) none() bool {
	return c.ids == nil && c.prefixes == nil && c.roles == nil && c.labels == nil
}

// outcomeNames are the names of the last states that a future waits for (contract §4.5).
var outcomeNames = []string{"Completed", "Cancelled", "Failed", "Crashed"}

// DecodeFilterFrame reads the filter of a listener. The text of the error is for the close frame and can be too long
// for it.
func DecodeFilterFrame(frame pyjson.Value) (EventFilter, error) {
	if !isFrame(frame, "filter") {
		return EventFilter{}, frameError("Expected 'filter' message")
	}
	f := EventFilter{backfill: true}
	if backfill, given := frame.Member("backfill"); given {
		f.backfill = backfill.Truthy()
	}
	var faults validate.Faults
	filter, _ := frame.Member("filter")
	f.read(faults.Node(filter))
	if items := faults.Errors(); len(items) > 0 {
		return f, frameError("Invalid filter: " + newFieldError(items[0]).Error())
	}
	return f, nil
}

// read reads an EventFilter. None of its objects may have other keys.
func (f *EventFilter) read(n validate.Node) {
	m, ok := n.Model()
	if !ok {
		return
	}
	if n, given := m.Given("occurred"); given {
		f.readOccurred(n)
	}
	if n, given := m.Given("event"); given {
		f.name = readNameCriteria(n)
	}
	f.anyResource = readCriteria(m, "any_resource", "id", "id_prefix", "labels")
	f.resource = readCriteria(m, "resource", "id", "id_prefix", "labels", "distinct")
	f.related = readCriteria(m, "related", "id", "role", "resources_in_roles", "labels")
	if n, given := m.Given("id"); given {
		n.Closed(func(m *validate.Model) {
			f.ids = readSet(m, "id", validate.Node.UUID)
		})
	}
	if n, given := m.Given("text"); given {
		n.Refuse("a search for text is not served")
	}
	if n, given := m.Given("order"); given {
		validate.Enum(n, "ASC", "DESC") // the order does not matter for a stream
	}
	m.ForbidOthers()
}

func (f *EventFilter) readOccurred(n validate.Node) {
	n.Closed(func(m *validate.Model) {
		f.since = ReadOptional(m, "since", validate.Node.Time)
		f.until = ReadOptional(m, "until", validate.Node.Time)
	})
}

func readNameCriteria(n validate.Node) (c nameCriteria) {
	n.Closed(func(m *validate.Model) {
		c.prefixes = readPatterns(m, "prefix")
		c.excludedPrefixes = readPatterns(m, "exclude_prefix")
		c.names = readSet(m, "name", validate.Node.Text)
		c.excluded = readSet(m, "exclude_name", validate.Node.Text)
	})
	c.outcomes = map[string]bool{}
	for _, kind := range []string{eventTaskRun, eventFlowRun} {
		c.outcomes[kind] = !slices.ContainsFunc(outcomeNames, func(name string) bool { return !c.names[kind+"."+name] })
	}
	return c
}

// readWanted reads a list of wanted values. An empty list is no criterion, like a missing one: the Prefect client
// sends empty lists.
func readWanted[T any](m *validate.Model, key string, read func(validate.Node) T) []T {
	list := ReadList(m, key, read)
	if len(list) == 0 {
		return nil
	}
	return list
}

// readCriteria reads criteria on resources. Only some keys are allowed.
func readCriteria(filter *validate.Model, key string, allowed ...string) (c resourceCriteria) {
	n, given := filter.Given(key)
	if !given {
		return c
	}
	n.Closed(func(m *validate.Model) {
		for _, key := range allowed {
			c.readKey(m, key)
		}
	})
	return c
}

func (c *resourceCriteria) readKey(m *validate.Model, key string) {
	n, given := m.Given(key)
	if !given {
		return
	}
	switch key {
	case "id":
		c.ids = readSet(m, key, validate.Node.Text)
	case "id_prefix":
		c.prefixes = readPatterns(m, key)
	case "role":
		c.roles = readSet(m, key, validate.Node.Text)
	case "labels":
		c.labels = validate.Dict(n, readLabelValues)
		refusePatterns(n, len(c.labels))
	default: // resources_in_roles and distinct
		if n.Value.Truthy() {
			n.Refuse("this is not served")
		}
	}
}

// readLabelValues reads the accepted values of a label: one text or a list.
func readLabelValues(n validate.Node) []string {
	if n.Value.Kind() == pyjson.String {
		return []string{n.Value.Text()}
	}
	values := validate.List(n, validate.Node.Text)
	refusePatterns(n, len(values))
	return values
}
