package stack

import (
	"strings"
	"testing"
	"time"
)

func TestParseCPUTime(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stat    string
		want    time.Duration
		wantErr bool
	}{
		"user and kernel time are added up": {
			"42 (etcd) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 7", 3 * time.Second, false,
		},
		"a command with spaces and parentheses": {
			"42 (a) (b c) S 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 9 0 7", 30 * time.Millisecond, false,
		},
		"a truncated text is an error":          {"42 (etcd) S 1", 0, true},
		"text that is not a number is an error": {"42 (etcd) S 1 42 42 0 -1 4194560 100 0 0 0 x 50 0 0", 0, true},
		"an empty text is an error":             {"", 0, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCPUTime(c.stat)
			if got != c.want || (err != nil) != c.wantErr {
				t.Errorf("got %s and error %v, want %s and an error: %t", got, err, c.want, c.wantErr)
			}
		})
	}
}

func TestParseMemory(t *testing.T) {
	t.Parallel()
	got, err := parseMemory("Name:\tetcd\nVmHWM:\t  900 kB\nVmRSS:\t    512 kB\nThreads:\t9\n", "VmRSS")
	if err != nil || got != 512*1024 {
		t.Errorf("got %v and error %v, want %d", got, err, 512*1024)
	}
	if peak, err := parseMemory("VmHWM:\t  900 kB\nVmRSS:\t    512 kB\n", "VmHWM"); err != nil || peak != 900*1024 {
		t.Errorf("peak %v and error %v, want %d", peak, err, 900*1024)
	}
	if _, err := parseMemory("Name:\tkthreadd\n", "VmRSS"); err == nil {
		t.Error("a process without memory is no error")
	}
}

const exposition = `# TYPE go_gc_heap_live_bytes gauge
go_gc_heap_live_bytes 1.5e+06
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",group="taskrun.dev",resource="taskruns",verb="LIST"} 100
apiserver_request_total{code="200",group="taskrun.dev",resource="taskruns",verb="PUT"} 20
apiserver_request_total{code="201",group="taskrun.dev",resource="taskruns",verb="POST"} 3
apiserver_request_total{code="200",group="coordination.k8s.io",resource="leases",verb="PUT"} 7
# TYPE some_seconds histogram
some_seconds_bucket{le="+Inf"} 1
some_seconds_sum 1
some_seconds_count 1
`

func TestMetrics(t *testing.T) {
	t.Parallel()
	metrics, err := parseMetrics(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := metrics.Value("go_gc_heap_live_bytes"); err != nil || got != 1.5e6 {
		t.Errorf("the live heap is %v with error %v, want 1.5e6", got, err)
	}
	if got := metrics.writesOf("taskrun.dev"); got != 23 {
		t.Errorf("got %v writes, want 23: reads and Leases are not counted", got)
	}
	if got := metrics.Sum("apiserver_request_total", Label{"verb", "PUT"}); got != 27 {
		t.Errorf("the sum of PUTs is %v, want 27", got)
	}
	if _, err := metrics.Value("some_other"); err == nil {
		t.Error("a metric that is not there is no error")
	}
}
