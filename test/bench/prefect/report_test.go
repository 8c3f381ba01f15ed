package main

import (
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
)

func rounds(perSecond ...float64) []load.Sample {
	var all []load.Sample
	for _, rate := range perSecond {
		s := load.Sample{PerSecond: rate}
		if rate > 0 {
			s.Latencies = []time.Duration{time.Millisecond}
		}
		all = append(all, s)
	}
	return all
}

func TestReport(t *testing.T) {
	t.Parallel()
	contenders := []*contender{{name: "ours", ours: true}, {name: "Prefect on SQLite"}, {name: "Prefect on PostgreSQL"}}
	troubled := rounds(0.5)
	troubled[0].Failed, troubled[0].Retried = 3, 40
	all := []result{
		{
			kind: "GET", runs: 1000, clients: 16, goals: readGoals, missing: make([]bool, 3),
			rounds: [][]load.Sample{rounds(1000, 1200), rounds(10, 12), rounds(40, 60)},
		},
		{
			kind: "life cycle", runs: 1000, clients: 64, goals: cycleGoals, missing: make([]bool, 3),
			rounds: [][]load.Sample{rounds(60), troubled, rounds(20)},
		},
		{
			kind: "nothing done", runs: 1000, clients: 64, goals: cycleGoals, missing: make([]bool, 3),
			rounds: [][]load.Sample{rounds(60), rounds(0), rounds(0)},
		},
		{
			kind: "paginate", runs: 1000, clients: 1, goals: readGoals, missing: []bool{true, false, false},
			rounds: [][]load.Sample{nil, rounds(10), rounds(10)},
		},
	}
	var b strings.Builder
	if err := report(&b, contenders, all); err != nil {
		t.Fatal(err)
	}
	const ms = "1.00 ms | 1.00 ms"
	for _, want := range []string{
		"| GET | 1000 | 16 | 1100 | " + ms + " | 11 | " + ms + " | 100 (100 to 100) | 50 | " + ms + " | 22 (20 to 25) |\n",
		"| life cycle | 1000 | 64 | 60 | " + ms + " | 0.5 (3 failed) (40 times 503) | " + ms + " | 120 (120 to 120) | 20 | " + ms + " | 3.00 (3.00 to 3.00) |\n",
		"| nothing done | 1000 | 64 | 60 | " + ms + " | 0.0 |  |  |  | 0.0 |  |  |  |\n",
		"| paginate | 1000 | 1 | no such route |  |  | 10 | " + ms + " |  | 10 | " + ms + " |  |\n",
		"Short of the goal:\n\n- GET, 1000 runs, 16 clients: 22 times Prefect on PostgreSQL, want 50\n" +
			"- life cycle, 1000 runs, 64 clients: 3.0 times Prefect on PostgreSQL, want 5\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "paginate, 1000") {
		t.Error("what cannot be compared is said to fall short")
	}
}

func TestMajorOf(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]int{"/usr/lib/postgresql/15/bin": 15, "/opt/bin": 0} {
		if got := majorOf(folder); got != want {
			t.Errorf("%s: got %d, want %d", folder, got, want)
		}
	}
}
