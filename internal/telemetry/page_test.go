package telemetry_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// describing records the registered metrics by name, with their labels.
type describing struct {
	prometheus.Registerer

	metrics map[string]string
}

var description = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([\w,]*)\}`)

func (d *describing) Register(c prometheus.Collector) error {
	all := make(chan *prometheus.Desc, 10)
	c.Describe(all)
	close(all)
	for metric := range all {
		parts := description.FindStringSubmatch(metric.String())
		d.metrics[parts[1]] = parts[2]
	}
	return d.Registerer.Register(c)
}

var row = regexp.MustCompile("(?m)^\\| `(taskrun_\\w+)` \\| \\w+ \\| ([^|]+) \\|")

func TestMetricsPage_hasTheRegisteredMetrics(t *testing.T) {
	t.Parallel()
	registered := &describing{Registerer: prometheus.NewPedanticRegistry(), metrics: map[string]string{}}
	newRecorder(t, registered)
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, found := range row.FindAllStringSubmatch(string(page), -1) {
		documented[found[1]] = strings.NewReplacer("`", "", " ", "", "–", "").Replace(found[2])
	}
	if diff := cmp.Diff(registered.metrics, documented); diff != "" {
		t.Errorf("metrics and their labels (-registered +docs/metrics.md):\n%s", diff)
	}
}
