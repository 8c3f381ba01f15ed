package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// Metrics holds the counters and gauges of one process at one point in time, by
// name.
type Metrics map[string][]Point

// Point is one value of a metric.
type Point struct {
	Labels map[string]string
	Value  float64
}

// Source reads the metrics of a process.
type Source func(context.Context) (Metrics, error)

// ReadMetrics reads the metrics of the operator.
func (o *Operator) ReadMetrics(ctx context.Context) (Metrics, error) {
	return scrape(ctx, http.DefaultClient, o.Metrics)
}

// Writes returns the number of writes of our objects that kube-apiserver has
// processed so far, from any client.
func (o *Operator) Writes(ctx context.Context) (float64, error) {
	metrics, err := o.apiServer(ctx)
	if err != nil {
		return 0, fmt.Errorf("counting writes: %w", err)
	}
	return metrics.writesOf(v1alpha1.GroupVersion.Group), nil
}

// APIServerMetrics reads the metrics of kube-apiserver.
func (s *Stack) APIServerMetrics() (Source, error) {
	config := s.Config()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("preparing a client of kube-apiserver: %w", err)
	}
	return func(ctx context.Context) (Metrics, error) { return scrape(ctx, client, config.Host+"/metrics") }, nil
}

func scrape(ctx context.Context, client *http.Client, url string) (Metrics, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking for metrics: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking for metrics: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for metrics: %s answers %s", url, response.Status)
	}
	return parseMetrics(response.Body)
}

func parseMetrics(text io.Reader) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	metrics := make(Metrics, len(families))
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			point := Point{Labels: map[string]string{}}
			switch {
			case metric.GetGauge() != nil:
				point.Value = metric.GetGauge().GetValue()
			case metric.GetCounter() != nil:
				point.Value = metric.GetCounter().GetValue()
			default:
				continue
			}
			for _, label := range metric.GetLabel() {
				point.Labels[label.GetName()] = label.GetValue()
			}
			metrics[name] = append(metrics[name], point)
		}
	}
	return metrics, nil
}

// Value returns the value of a metric without labels.
func (m Metrics) Value(name string) (float64, error) {
	if len(m[name]) == 0 {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	return m[name][0].Value, nil
}

// Label is a label of a metric.
type Label struct{ Name, Value string }

// Sum returns the sum of the values of a metric with this label, or 0 if there is
// none.
func (m Metrics) Sum(name string, label Label) float64 {
	total := 0.0
	for _, point := range m[name] {
		if point.Labels[label.Name] == label.Value {
			total += point.Value
		}
	}
	return total
}

// writesOf returns the number of writes of objects of the group that kube-apiserver
// has processed so far. It does not include writes of Leases, which each operator
// renews all the time.
func (m Metrics) writesOf(group string) float64 {
	total := 0.0
	for _, point := range m["apiserver_request_total"] {
		switch point.Labels["verb"] {
		case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "APPLY", "DELETECOLLECTION":
			if point.Labels["group"] == group {
				total += point.Value
			}
		}
	}
	return total
}

const (
	// collections is the number of garbage collections before a heap is read. One
	// is not enough: objects that become garbage during a collection survive it.
	collections = 2
	// collectLimit is the timeout. Go collects at least every two minutes.
	collectLimit = 5 * time.Minute
)

// LiveHeap returns the heap of a process after garbage collections, in bytes.
// Requests for metrics create garbage and so trigger the collections.
func LiveHeap(ctx context.Context, read Source) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, collectLimit)
	defer cancel()
	first := -1.0
	for {
		metrics, err := read(ctx)
		if err != nil {
			return 0, fmt.Errorf("waiting for garbage collections: %w", err)
		}
		cycles, err := metrics.Value("go_gc_cycles_total_gc_cycles_total")
		if err != nil {
			return 0, err
		}
		if first < 0 {
			first = cycles
		}
		if cycles >= first+collections {
			return metrics.Value("go_gc_heap_live_bytes")
		}
	}
}
