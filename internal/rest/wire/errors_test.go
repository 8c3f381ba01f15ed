package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFieldPath(t *testing.T) {
	t.Parallel()
	for field, want := range map[string][]string{
		"task_run":                        nil,
		"tags":                            {"tags"},
		"labels.a.b":                      {"labels", "a.b"},
		"task_inputs.x.y":                 {"task_inputs", "x.y"},
		"state.state_details.cache_key":   {"state", "state_details", "cache_key"},
		"empirical_policy.retry_delay":    {"empirical_policy", "retry_delay"},
		"state.state_details.traceparent": {"state", "state_details", "traceparent"},
	} {
		if diff := cmp.Diff(want, fieldPath(field)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
}
