package convert

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// Part is a part of a run that can be large: the JSON text of an object, or a reference to
// where that is stored. The zero Part is null.
type Part struct {
	Text json.RawMessage
	Ref  string
}

// PartInObject is the reference to a long part that is a field of spec itself. It is not
// kept in memory. Any other reference is the name of a RunData.
const PartInObject = "/spec"

// noMembers is the JSON of an object without members.
const noMembers = "{}"

// partFromObject reads the three forms of a part. What is not the JSON of an object is
// replaced by FaultyPart.
func partFromObject(object *v1alpha1.JSONObject, text *string, name v1alpha1.ObjectName) Part {
	switch {
	case name != "":
		return Part{Ref: name}
	case text != nil:
		return Part{Text: PartOfText(*text)}
	case object != nil && len(object.Raw) > flowrun.MaxInline:
		return Part{Ref: PartInObject}
	case object != nil:
		return Part{Text: PartOfText(string(object.Raw))}
	default:
		return Part{}
	}
}

// PartOfText returns the part of a text: the text, or FaultyPart if it is not the JSON of
// an object.
func PartOfText(text string) json.RawMessage {
	raw := json.RawMessage(text)
	if !json.Valid(raw) || bytes.TrimSpace(raw)[0] != '{' {
		return FaultyPart("the text is not a JSON object")
	}
	return raw
}

// FaultyPart returns the part that stands for one that cannot be read: an object with the
// reason. A flow has no parameter of that name, so it does not start with other parameters
// than the requested ones.
func FaultyPart(reason string) json.RawMessage {
	return encoded(map[string]string{"taskrun.dev/fault": reason})
}

func (p Part) none() bool { return len(p.Text) == 0 && p.Ref == "" }

func (p Part) equal(other Part) bool { return p.Ref == other.Ref && bytes.Equal(p.Text, other.Text) }

// hash is the hash of the part, for status.effective.
func (p Part) hash() v1alpha1.FieldHash {
	return nameHashText(nameHash(p.Ref + "\x00" + string(p.Text)))
}

// orEmpty is the text of a part that is never null.
func (p Part) orEmpty() json.RawMessage {
	if p.none() {
		return json.RawMessage(noMembers)
	}
	return p.Text
}

// toObject returns the part as status.effective has it.
func (p Part) toObject() (text *string, name v1alpha1.ObjectName) {
	return inlined(p.Text, ""), p.Ref
}

// inlined returns the text of a part, nil for the default.
func inlined(text json.RawMessage, standard string) *string {
	if len(text) == 0 || string(text) == standard {
		return nil
	}
	return new(string(text))
}

// textsOfFlowRun counts the texts of a spec as the rule of the CRD does.
func textsOfFlowRun(s *v1alpha1.FlowRunSpec) int {
	n := characters(
		&s.Name, s.FlowVersion, s.ParametersJSON, s.ContextJSON, s.JobVariablesJSON, s.IdempotencyKey, s.DeploymentVersion,
		s.WorkQueueName, s.InfrastructurePID,
	)
	if s.CreatedBy != nil {
		n += characters(s.CreatedBy.Type, s.CreatedBy.DisplayValue)
	}
	for _, tag := range s.Tags {
		n += utf8.RuneCountInString(tag)
	}
	for key := range s.Labels {
		n += utf8.RuneCountInString(key) + v1alpha1.MaxLabelText
	}
	if s.Origin != nil {
		n += max(0, utf8.RuneCountInString(s.Origin.Wire)-freeWire)
	}
	if first := s.InitialState; first != nil {
		n += 128 + characters(first.Name, first.Message, first.DataJSON)
		if d := first.StateDetails; d != nil {
			n += characters(d.CacheKey, d.PauseKey, d.Traceparent)
			for key, value := range d.RunInputKeyset {
				n += utf8.RuneCountInString(key) + utf8.RuneCountInString(value)
			}
		}
	}
	return n
}

// freeWire is how many characters of origin.wire do not count: those of a policy.
const freeWire = 264

// textsOfEffective counts the texts of status.effective as the rule of the CRD does.
func textsOfEffective(e *v1alpha1.FlowRunEffective) int {
	n := characters(e.FlowVersion, e.ParametersJSON, e.InfrastructurePID, e.JobVariablesJSON, &e.Wire)
	for _, tag := range e.Tags {
		n += utf8.RuneCountInString(tag)
	}
	return n
}

func characters(texts ...*string) (n int) {
	for _, text := range texts {
		n += utf8.RuneCountInString(textOr(text, ""))
	}
	return n
}
