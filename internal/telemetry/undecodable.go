package telemetry

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// undecodable collects the number of skipped objects. The programs of one
// process are added up.
type undecodable struct {
	desc *prometheus.Desc

	mu  sync.Mutex
	all map[*func() map[string]int]bool
}

func newUndecodable() *undecodable {
	return &undecodable{
		desc: prometheus.NewDesc("taskrun_undecodable_objects",
			"Objects skipped because they cannot be decoded, by kind.", []string{"kind"}, nil),
		all: map[*func() map[string]int]bool{},
	}
}

// WatchUndecodable exports the number of skipped objects of each kind, which
// counts returns at each scrape, until stop is called.
func (r *Recorder) WatchUndecodable(counts func() map[string]int) (stop func()) {
	u, key := r.undecodable, &counts
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all[key] = true
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.all, key)
	}
}

// Describe is for the registry.
func (u *undecodable) Describe(to chan<- *prometheus.Desc) { to <- u.desc }

// Collect is for the registry.
func (u *undecodable) Collect(to chan<- prometheus.Metric) {
	u.mu.Lock()
	all := slices.Collect(maps.Keys(u.all))
	u.mu.Unlock()
	total := map[string]int{}
	for _, counts := range all {
		for kind, n := range (*counts)() {
			total[kind] += n
		}
	}
	for kind, n := range total {
		to <- prometheus.MustNewConstMetric(u.desc, prometheus.GaugeValue, float64(n), kind)
	}
}
