package taskrun

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

func (m *measure) tags(tags []string) (n int) {
	for _, tag := range tags {
		n += m.tag + m.text(tag)
	}
	return n
}

// cutTags keeps the first tags within items and most. The last one is then the mark.
func (m *measure) cutTags(tags []string, items, most int) []string {
	if len(tags) <= items && m.tags(tags) <= most {
		return tags
	}
	body, total := splitTags(tags)
	mark := itemsMarkOf(total)
	room := most - m.tags([]string{mark})
	kept := make([]string, 0, min(len(body)+1, items))
	for i := range body {
		if room -= m.tags(body[i : i+1]); room < 0 || len(kept) == items-1 {
			break
		}
		kept = append(kept, body[i])
	}
	return append(kept, mark)
}

// splitTags returns tags without their mark, and their original number.
func splitTags(tags []string) (body []string, total int) {
	if len(tags) > 0 {
		if total, ok := itemsOf(tags[len(tags)-1]); ok {
			return tags[:len(tags)-1], total
		}
	}
	return tags, len(tags)
}

// labelOf returns the size of a label: the larger of its size in spec.labels by the CRD's
// rules and its size in spec.origin.wire as JSON.
func (m *measure) labelOf(key string, value json.RawMessage) int {
	size := m.label + m.text(key) + max(m.text(string(value)), m.leastLabel)
	if m.leastLabel == 0 {
		return size
	}
	return max(size, jsonText(key)+len(`:,`)+m.text(string(value)))
}

func (m *measure) labels(labels map[string]json.RawMessage) (n int) {
	for key, value := range labels {
		n += m.labelOf(key, value)
	}
	return n
}

// cutLabels drops labels whose keys are too long, then as many as necessary. Labels that
// Prefect sets are dropped last.
func (m *measure) cutLabels(labels map[string]json.RawMessage, items, most int) map[string]json.RawMessage {
	tooLong := func(key string) bool { return utf8.RuneCountInString(key) > MaxLabelKey }
	keys := slices.Collect(maps.Keys(labels))
	if len(labels) <= items && m.labels(labels) <= most && !slices.ContainsFunc(keys, tooLong) {
		return labels
	}
	total, marked := labelTotal(labels)
	keys = slices.DeleteFunc(keys, func(key string) bool { return tooLong(key) || (marked && key == CutKey) })
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	mark := json.RawMessage(quoted(itemsMarkOf(total)))
	room := most - m.labelOf(CutKey, mark)
	kept := map[string]json.RawMessage{}
	for _, key := range keys {
		if room -= m.labelOf(key, labels[key]); room < 0 || len(kept) == items-1 {
			break
		}
		kept[key] = labels[key]
	}
	kept[CutKey] = mark
	return kept
}

// labelTotal returns the original number of labels, and whether labels were dropped.
func labelTotal(labels map[string]json.RawMessage) (total int, marked bool) {
	var text string
	if json.Unmarshal(labels[CutKey], &text) == nil {
		if total, ok := itemsOf(text); ok {
			return total, true
		}
	}
	return len(labels), false
}

// rank puts the labels that Prefect sets before those of users.
func rank(key string) int {
	if strings.HasPrefix(key, "prefect.") {
		return 0
	}
	return 1
}

// cutLabelValue truncates the value of a label. Values other than strings become strings.
func cutLabelValue(value json.RawMessage, most int) json.RawMessage {
	if utf8.RuneCount(value) <= most {
		return value
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return quoted(quotable.cutText(text, most-len(`""`)))
}

// quotable returns the size of a text between the quotes of JSON.
var quotable = measure{char: jsonChar}

func (m *measure) inputsOf(key string, list []TaskInput) int {
	n := m.list + m.text(key)
	for i := range list {
		n += m.inputOf(&list[i])
	}
	return n
}

func (m *measure) inputOf(in *TaskInput) int {
	n := m.input + m.text(in.Name) + m.text(in.Type)
	if m.list > 0 {
		n += len(in.ID) // not texts in the CRD's rules, but part of the JSON
	}
	return n
}

func (m *measure) inputs(inputs map[string][]TaskInput) (n int) {
	for key, list := range inputs {
		n += m.inputsOf(key, list)
	}
	return n
}

// inputMark is the mark among inputs. Prefect's clients read it as a constant.
func inputMark(total int) TaskInput {
	return TaskInput{InputType: InputConstant, Type: itemsMarkOf(total)}
}

// splitInputs returns a list of inputs without its mark, and their original number.
func splitInputs(list []TaskInput) (body []TaskInput, total int) {
	if len(list) > 0 && list[len(list)-1].InputType == InputConstant {
		if total, ok := itemsOf(list[len(list)-1].Type); ok {
			return list[:len(list)-1], total
		}
	}
	return list, len(list)
}

// inputCut truncates inputs. It prefers to keep arguments with few sources whole.
type inputCut struct {
	*measure

	items, room int
	kept        map[string][]TaskInput
}

func (m *measure) cutInputs(inputs map[string][]TaskInput, items, most int) map[string][]TaskInput {
	tooLong := func(key string) bool { return utf8.RuneCountInString(key) > MaxInputKey }
	keys := slices.Collect(maps.Keys(inputs))
	if len(inputs) <= MaxInputKeys && countInputs(inputs) <= items && m.inputs(inputs) <= most && !slices.ContainsFunc(keys, tooLong) {
		return inputs
	}
	total := len(inputs)
	if mark, n := splitInputs(inputs[CutKey]); len(mark) == 0 && len(inputs[CutKey]) == 1 {
		total = n
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == CutKey })
	}
	keys = slices.DeleteFunc(keys, tooLong)
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(inputs[a]), len(inputs[b])), cmp.Compare(a, b))
	})
	mark := []TaskInput{inputMark(total)}
	c := inputCut{measure: m, items: items - 1, room: most - m.inputsOf(CutKey, mark), kept: map[string][]TaskInput{}}
	for _, key := range keys {
		if len(c.kept) < MaxInputKeys-1 {
			c.take(key, inputs[key])
		}
	}
	if len(c.kept) < total {
		c.kept[CutKey] = mark
	}
	return c.kept
}

// take keeps as much of a list as fits.
func (c *inputCut) take(key string, list []TaskInput) {
	if size := c.inputsOf(key, list); len(list) > c.items || size > c.room {
		list = c.cutList(key, list)
	}
	if list == nil {
		return
	}
	c.kept[key] = list
	c.items -= len(list)
	c.room -= c.inputsOf(key, list)
}

// cutList returns nil if the mark does not fit.
func (c *inputCut) cutList(key string, list []TaskInput) []TaskInput {
	body, total := splitInputs(list)
	mark := inputMark(total)
	room := c.room - c.inputsOf(key, []TaskInput{mark})
	if room < 0 || c.items < 1 {
		return nil
	}
	kept := []TaskInput{}
	for i := range body {
		if room -= c.inputOf(&body[i]); room < 0 || len(kept) == c.items-1 {
			break
		}
		kept = append(kept, body[i])
	}
	return append(kept, mark)
}

func countInputs(inputs map[string][]TaskInput) (n int) {
	for _, list := range inputs {
		n += len(list)
	}
	return n
}
