package convert

import (
	"bytes"
	"encoding/json"
	"maps"
	"unicode/utf8"

	kubejson "k8s.io/apimachinery/pkg/util/json"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// labelsFromObject merges the labels. The exact text takes precedence.
func labelsFromObject(values map[string]v1alpha1.LabelValue, exact map[string]json.RawMessage) map[string]json.RawMessage {
	if values == nil && len(exact) == 0 {
		return nil
	}
	labels := make(map[string]json.RawMessage, len(values)+len(exact))
	for key, value := range values {
		labels[key] = scalar(value.Raw)
	}
	maps.Copy(labels, exact)
	return labels
}

// scalar removes the escapes that the API server adds without need.
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

// labelsToObject returns the labels whose texts Kubernetes keeps, and adds the
// others to exact.
func labelsToObject(labels map[string]json.RawMessage, exact *wire) map[string]v1alpha1.LabelValue {
	if labels == nil {
		return nil
	}
	values := map[string]v1alpha1.LabelValue{}
	exact.Labels = map[string]json.RawMessage{}
	for key, raw := range labels {
		if survives(raw) {
			values[key] = v1alpha1.LabelValue{Raw: bytes.Clone(raw)}
		} else {
			exact.Labels[key] = raw
		}
	}
	if len(values) == 0 && len(exact.Labels) > 0 {
		values = nil
	}
	return values
}

// survives reports whether Kubernetes keeps the text of a scalar.
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
	default: // null has no type in labels, and other values are not labels
		return false
	}
}
