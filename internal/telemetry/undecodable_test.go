package telemetry_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestUndecodableObjects_areCountedByKind(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	recorder := newRecorder(t, registry)
	counts := map[string]int{"TaskRun": 2, "ConcurrencyLimit": 0}
	stop := recorder.WatchUndecodable(func() map[string]int { return counts })
	const header = `# HELP taskrun_undecodable_objects Objects skipped because they cannot be decoded, by kind.
# TYPE taskrun_undecodable_objects gauge
`
	want := header + `taskrun_undecodable_objects{kind="ConcurrencyLimit"} 0
taskrun_undecodable_objects{kind="TaskRun"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "taskrun_undecodable_objects"); err != nil {
		t.Error(err)
	}
	stop()
	if n, err := testutil.GatherAndCount(registry, "taskrun_undecodable_objects"); n != 0 || err != nil {
		t.Errorf("%d series after the end, error %v", n, err)
	}
}
