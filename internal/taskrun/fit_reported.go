package taskrun

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// ApplyReport records the fields of the event that belong to spec and differ from
// the run. It leaves only these fields in the event. Recorded texts have limits, so
// they can be shorter than those of the event.
func (r *Run) ApplyReport(e *Event) {
	r.Reported = e.Patch.diff(r)
	var noted Patch
	if r.Reported != nil {
		noted = *r.Reported
	}
	e.Patch = noted.withProgress(&e.Patch)
}

// withProgress returns the fields with the progress that the event reports.
func (c Patch) withProgress(of *Patch) Patch {
	c.RunCount, c.FlowRunRunCount, c.TotalRunTime = of.RunCount, of.FlowRunRunCount, of.TotalRunTime
	c.ExpectedStartTime, c.NextScheduledStartTime = of.ExpectedStartTime, of.NextScheduledStartTime
	c.StartTime, c.EndTime = of.StartTime, of.EndTime
	return c
}

// leastReported is the minimum size of each reported field without its name.
const leastReported = 128

// fitReported truncates reported fields so that all of them fit status.effective.
// Those that identify the run are truncated last.
func (c *Patch) fitReported() *Patch {
	if c == nil {
		return nil
	}
	fitted := *c
	if name := fitted.Name.Value; name != nil { // stored in status.name
		fitted.Name = fitted.Name.now(Truncate(*name, MaxName))
	}
	allot(MaxReported-len("{}"), fitted.shares())
	return &fitted
}

func (c *Patch) shares() []share {
	key := func(name string, column *Optional[string]) share {
		return columnShare(name, column, jsonText, jsonMeasure.cutQuotedKey)
	}
	text := func(name string, column *Optional[string]) share {
		return columnShare(name, column, jsonText, jsonMeasure.cutQuoted)
	}
	policy := columnShare("empiricalPolicy", &c.Policy, policySize, cutPolicy)
	policy.least = min(policy.size(), 3*leastReported) // numbers have no mark
	return []share{
		key("flowRunID", &c.FlowRunID), key("taskKey", &c.TaskKey), key("dynamicKey", &c.DynamicKey),
		columnShare("cacheExpiration", &c.CacheExpiration, func(time.Time) int { return len(`"2031-02-03T04:05:06.123456789+00:00"`) }, func(t time.Time, _ int) time.Time { return t }),
		text("taskVersion", &c.TaskVersion), key("cacheKey", &c.CacheKey),
		policy,
		columnShare("tags", &c.Tags, func(tags []string) int { return len("[]") + jsonMeasure.tags(tags) },
			func(tags []string, most int) []string { return jsonMeasure.cutTags(tags, MaxTags, most-len("[]")) }),
		columnShare("labels", &c.Labels, func(labels map[string]json.RawMessage) int { return len("{}") + jsonMeasure.labels(labels) },
			func(labels map[string]json.RawMessage, most int) map[string]json.RawMessage {
				return jsonMeasure.cutLabels(labels, MaxLabels, most-len("{}"))
			}),
		columnShare("taskInputs", &c.TaskInputs, func(inputs map[string][]TaskInput) int { return len("{}") + jsonMeasure.inputs(inputs) },
			func(inputs map[string][]TaskInput, most int) map[string][]TaskInput {
				return jsonMeasure.cutInputs(inputs, MaxInputs, most-len("{}"))
			}),
	}
}

// columnShare is a member of the JSON object in status.effective.
func columnShare[T any](name string, c *Optional[T], size func(T) int, cut func(value T, most int) T) share {
	overhead := len(name) + len(`"":,`)
	whole := func() int {
		switch {
		case !c.Given:
			return 0
		case c.Value == nil:
			return overhead + len("null")
		default:
			return overhead + size(*c.Value)
		}
	}
	return share{
		size: whole, least: min(whole(), overhead+leastReported),
		cut: func(most int) { *c = c.now(cut(*c.Value, most-overhead)) },
	}
}

func jsonText(text string) int { return len(`""`) + jsonMeasure.text(text) }

func (m *measure) cutQuoted(text string, most int) string { return m.cutText(text, most-len(`""`)) }

func (m *measure) cutQuotedKey(text string, most int) string { return m.cutKey(text, most-len(`""`)) }

// policySize returns the maximum size of a policy without its delays, and the size
// of the delays.
func policySize(p Policy) int {
	n := 2 * leastReported
	if p.RetryDelay != nil {
		for _, seconds := range p.RetryDelay.Seconds {
			n += len(seconds) + len(`"",`)
		}
	}
	return n
}

// cutPolicy drops the last delays. The last remaining one applies to later retries
// too.
func cutPolicy(p Policy, most int) Policy {
	for policySize(p) > most && p.RetryDelay != nil && len(p.RetryDelay.Seconds) > 1 {
		delay := *p.RetryDelay
		delay.Seconds = delay.Seconds[:len(delay.Seconds)-1]
		p.RetryDelay = &delay
	}
	return p
}

// isCutOf reports whether a text is the truncated form of another one.
func isCutOf(part, whole string) bool {
	if part == whole {
		return true
	}
	body, mark, total := splitText(part)
	all, _, length := splitText(whole)
	return mark != "" && total == length && strings.HasPrefix(all, body)
}

// isCutOfOptional is isCutOf for a text that can be missing.
func isCutOfOptional(part, whole *string) bool {
	return part != nil && whole != nil && isCutOf(*part, *whole)
}

// tagsCutOf reports whether tags are the truncated form of others.
func tagsCutOf(part, whole *[]string) bool {
	if part == nil || whole == nil {
		return false
	}
	body, total := splitTags(*part)
	all, length := splitTags(*whole)
	if total != length || len(body) == len(*part) || len(body) > len(all) {
		return false
	}
	return slices.Equal(body, all[:len(body)])
}

// labelsCutOf reports whether labels are the truncated form of others.
func labelsCutOf(part, whole *map[string]json.RawMessage) bool {
	if part == nil || whole == nil {
		return false
	}
	total, marked := labelTotal(*part)
	if length, _ := labelTotal(*whole); !marked || total != length {
		return false
	}
	for key, value := range *part {
		if key != CutKey && !bytes.Equal(value, (*whole)[key]) {
			return false
		}
	}
	return true
}

// inputsCutOf reports whether inputs are the truncated form of others.
func inputsCutOf(part, whole *map[string][]TaskInput) bool {
	if part == nil || whole == nil {
		return false
	}
	_, marked := (*part)[CutKey]
	for key, list := range *part {
		body, total := splitInputs(list)
		all, length := splitInputs((*whole)[key])
		if key == CutKey {
			continue
		}
		if total != length || len(body) > len(all) || !slices.Equal(body, all[:len(body)]) {
			return false
		}
	}
	return marked || len(*part) == len(*whole)
}
