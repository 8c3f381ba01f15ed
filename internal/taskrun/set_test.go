package taskrun_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDistinct_keepsOrderAndNil(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ list, want []string }{
		"nil": {nil, nil}, "an empty one": {[]string{}, []string{}}, "repetitions": {[]string{"b", "a", "b", "c", "a"}, []string{"b", "a", "c"}},
	} {
		if diff := cmp.Diff(tc.want, taskrun.Distinct(tc.list)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if set := taskrun.SetOf([]string{"a", "a", "b"}); len(set) != 2 || !set["a"] || set["c"] {
		t.Errorf("set = %v", set)
	}
}
