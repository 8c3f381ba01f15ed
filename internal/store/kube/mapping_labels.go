package kube

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	kubejson "k8s.io/apimachinery/pkg/util/json"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// labelsFromObject joins the labels; an exact text wins.
func labelsFromObject(values map[string]v1alpha1.LabelValue, exact v1alpha1.ExactLabels) map[string]json.RawMessage {
	if values == nil && len(exact) == 0 {
		return nil
	}
	labels := make(map[string]json.RawMessage, len(values)+len(exact))
	for key, value := range values {
		labels[key] = scalar(value.Raw)
	}
	for key, text := range exact {
		labels[key] = exactScalar(text)
	}
	return labels
}

// scalar spells texts one way: the API server escapes more in them than need be.
func scalar(raw []byte) json.RawMessage {
	var text string
	switch {
	case len(raw) == 0:
		return json.RawMessage("null")
	case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
		return quoted(text)
	default:
		return raw
	}
}

// exactScalar keeps JSON as it is; what is none stands for itself.
func exactScalar(text string) json.RawMessage {
	if raw := json.RawMessage(text); json.Valid(raw) {
		return raw
	}
	return quoted(text)
}

// labelsToObject puts each value where it survives: into labels if Kubernetes
// gives back the same text, else into labelsExact.
func labelsToObject(labels map[string]json.RawMessage) (map[string]v1alpha1.LabelValue, v1alpha1.ExactLabels) {
	if labels == nil {
		return nil, nil
	}
	values := map[string]v1alpha1.LabelValue{}
	exact := v1alpha1.ExactLabels{}
	for key, raw := range labels {
		if survives(raw) {
			values[key] = v1alpha1.LabelValue{Raw: bytes.Clone(raw)}
		} else {
			exact[key] = string(raw)
		}
	}
	if len(values) == 0 && len(exact) > 0 {
		values = nil
	}
	return values, exact
}

// survives reports whether a scalar comes back from Kubernetes as it is spelt.
func survives(raw json.RawMessage) bool {
	var value any
	if err := kubejson.Unmarshal(raw, &value); err != nil {
		return false
	}
	switch value := value.(type) {
	case string:
		return utf8.RuneCountInString(value) <= v1alpha1.MaxLabelText && bytes.Equal(quoted(value), raw)
	case bool, int64, float64:
		kept, err := json.Marshal(value)
		return err == nil && bytes.Equal(kept, raw)
	default: // null has no type there, and other values are no labels
		return false
	}
}
