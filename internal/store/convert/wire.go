package convert

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// wire is the content of spec.origin.wire: the values that the other fields of spec
// cannot hold exactly, under their names over REST and with their texts.
type wire struct {
	Labels map[string]json.RawMessage `json:"labels,omitempty"`
	wirePolicy
}

// wirePolicy is an empirical_policy in the format of REST.
type wirePolicy struct {
	MaxRetries        json.RawMessage `json:"max_retries,omitempty"`
	RetryDelaySeconds json.RawMessage `json:"retry_delay_seconds,omitempty"`
	Retries           json.RawMessage `json:"retries,omitempty"`
	RetryDelay        json.RawMessage `json:"retry_delay,omitempty"` // a number or a list of them
	RetryJitterFactor json.RawMessage `json:"retry_jitter_factor,omitempty"`
}

// wireFromText reads spec.origin.wire. It ignores invalid values.
func wireFromText(text string) wire {
	var w wire
	if text == "" || json.Unmarshal([]byte(text), &w) != nil {
		return wire{}
	}
	return w
}

// text is the inverse of wireFromText; empty if there are no values.
func (w *wire) text() string {
	if text := string(encoded(w)); text != "{}" {
		return text
	}
	return ""
}

// policy returns the whole policy.
func (w *wirePolicy) policy() taskrun.Policy {
	policy := taskrun.Policy{
		MaxRetries: number(w.MaxRetries), RetryDelaySeconds: number(w.RetryDelaySeconds),
		Retries: number(w.Retries), RetryJitterFactor: number(w.RetryJitterFactor),
	}
	var list []json.RawMessage
	switch {
	case number(w.RetryDelay) != "":
		policy.RetryDelay = &taskrun.RetryDelay{Seconds: []string{number(w.RetryDelay)}}
	case json.Unmarshal(w.RetryDelay, &list) == nil && list != nil:
		policy.RetryDelay = &taskrun.RetryDelay{List: true, Seconds: numbers(list, number)}
	}
	return policy
}

// wireOfPolicy is the inverse of policy.
func wireOfPolicy(p taskrun.Policy) wirePolicy {
	w := wirePolicy{
		MaxRetries: raw(p.MaxRetries), RetryDelaySeconds: raw(p.RetryDelaySeconds),
		Retries: raw(p.Retries), RetryJitterFactor: raw(p.RetryJitterFactor),
	}
	if delay := p.RetryDelay; delay != nil {
		w.RetryDelay = raw("[" + strings.Join(delay.Seconds, ",") + "]")
		if !delay.List && len(delay.Seconds) == 1 {
			w.RetryDelay = raw(delay.Seconds[0])
		}
	}
	return w
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// number returns the text of a JSON number, "" for other values.
func number(value json.RawMessage) string {
	if len(value) == 0 || (value[0] != '-' && (value[0] < '0' || value[0] > '9')) || !json.Valid(value) {
		return ""
	}
	return string(value)
}

// numbers returns the texts of the values that are numbers.
func numbers[T any](values []T, text func(T) string) []string {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		if n := text(value); n != "" {
			texts = append(texts, n)
		}
	}
	return texts
}

func integerText(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
