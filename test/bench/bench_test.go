package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
)

func stateOf(id string, at time.Time) v1alpha1.State {
	return v1alpha1.State{
		ID: id, Timestamp: v1alpha1.NewMicroTime(at),
	}
}

func patternForms() forms {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pending, running := stateOf("p", at), stateOf("r", at.Add(time.Minute))
	expected := v1alpha1.NewMicroTime(at)
	return forms{
		pending:   v1alpha1.TaskRunStatus{State: &pending, History: []v1alpha1.State{pending}},
		running:   v1alpha1.TaskRunStatus{State: &running, History: []v1alpha1.State{pending, running}, ExpectedStartTime: &expected},
		completed: v1alpha1.TaskRunStatus{State: &running},
	}
}

func TestFilledRuns_haveTheirOwnNamesAndKeys(t *testing.T) {
	t.Parallel()
	f := patternForms()
	first, second := f.specOf(7), f.specOf(107)
	if first.Name == second.Name || *first.DynamicKey == *second.DynamicKey {
		t.Errorf("two runs share a name or key: %s %s", first.Name, *first.DynamicKey)
	}
	if diff := cmp.Diff(first.Tags, second.Tags); diff != "" || first.FlowRunID != second.FlowRunID {
		t.Errorf("runs of one group have the flow runs %s and %s, want one; tags:\n%s", first.FlowRunID, second.FlowRunID, diff)
	}
	if len(first.Tags) != 2 {
		t.Errorf("a run has the tags %v, want two", first.Tags)
	}
}

func TestFilledStates_haveTheirOwnIDs(t *testing.T) {
	t.Parallel()
	f := patternForms()
	got := f.statusOf(1) // a RUNNING run
	if len(got.History) != 2 || got.History[1].ID != got.State.ID {
		t.Fatalf("the state is not the last one of its history: %v, %v", got.State.ID, got.History)
	}
	for _, state := range got.History {
		if state.ID == "p" || state.ID == "r" {
			t.Errorf("a state has the id %s, want its own", state.ID)
		}
	}
	if want := f.running.ExpectedStartTime.Add(-time.Second); !got.ExpectedStartTime.Equal(want) {
		t.Errorf("run 1 is expected to start at %s, want %s", got.ExpectedStartTime, want)
	}
	if f.running.State.ID != "r" || f.running.History[0].ID != "p" {
		t.Error("the form itself was changed")
	}
}

// startsOf returns starts with these durations, in seconds.
func startsOf(seconds ...int) []start {
	var starts []start
	for _, n := range seconds {
		took, size := time.Duration(n)*time.Second, float64(n)*(1<<20)
		starts = append(starts, start{stack.ColdStart{Time: took, CPU: took / 2, Peak: size}, took * 2, size * 2})
	}
	return starts
}

func TestReportHeld_subtractsUsageWithoutRuns(t *testing.T) {
	t.Parallel()
	base := held{starts: startsOf(1), footprint: footprint{1 << 20, 10 << 20, 50 << 20, 100 << 20}}
	one := held{
		runs: 1024, starts: startsOf(9, 2, 3, 4), footprint: footprint{5 << 20, 18 << 20, 66 << 20, 132 << 20},
		answers: []answered{{name: "GET", samples: []load.Sample{{PerSecond: 100, Latencies: []time.Duration{time.Millisecond}}}}},
		missing: []load.Query{{Name: "paginate"}},
	}
	var got strings.Builder
	if err := reportHeld(&got, []int{16}, base, []held{one}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| 0 | 1.00 s | 1.00 s | 0.50 s | 1 MiB | 2.00 s | 2 MiB |\n",
		"| 1024 | 9.00 s | 3.00 s | 1.50 s | 3 MiB | 6.00 s | 6 MiB |\n",
		"| 0 | 1 MiB |  | 10 MiB |  | 50 MiB |  | 100 MiB |  |\n",
		"| 1024 | 5 MiB | 4.0 KiB | 18 MiB | 8.0 KiB | 66 MiB | 16.0 KiB | 132 MiB | 32.0 KiB |\n",
		"| read | runs | per second (clients: 16) | p50 | p99 |\n",
		"| GET | 1024 | 100 | 1.00 ms | 1.00 ms |\n",
		"| paginate | 1024 | no such route |  |  |\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, got.String())
		}
	}
}

func TestReportWrites_showsCostPerOperation(t *testing.T) {
	t.Parallel()
	rounds := func(perSecond float64) []load.Sample {
		return []load.Sample{{PerSecond: perSecond, Latencies: []time.Duration{time.Millisecond, 3 * time.Millisecond}}}
	}
	var got strings.Builder
	err := reportWrites(&got, []comparison{{
		name: "create", clients: 16,
		bare: booked{rounds: rounds(100), cpu: map[string]time.Duration{"etcd": 4 * time.Millisecond}},
		ours: booked{rounds: rounds(80), cpu: map[string]time.Duration{"operator": time.Millisecond}, apiWrites: 3},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| create | 16 | 100 | 80 | 0.80 (0.80 to 0.80) | 3.00 ms | 3.00 ms | 3.00 ms | 3.00 ms | 1.50 |\n",
		"| create | 16 | etcd | 2.00 ms | 0.00 ms |\n", "| create | 16 | operator | 0.00 ms | 0.50 ms |\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, got.String())
		}
	}
}

// stretches returns two rounds with these rates. Their operations take 2 ms
// each.
func stretches(perSecond float64) []load.Sample {
	one := load.Sample{PerSecond: perSecond, Latencies: []time.Duration{2 * time.Millisecond}}
	return []load.Sample{one, one}
}

func listenersOf(name string) *listening {
	return &listening{
		name: name, events: 300, took: 2 * time.Second, heap: 2048,
		without: booked{rounds: stretches(100), cpu: map[string]time.Duration{"operator": 4 * time.Millisecond}},
		with:    booked{rounds: stretches(90), cpu: map[string]time.Duration{"operator": 24 * time.Millisecond}},
	}
}

func TestReportListeners_showsCostPerListener(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	err := reportListeners(&got, 10, []*listening{listenersOf("futures")}, stretches(1)[0], reconnected{1000, []float64{0.03, 0.02, 0.05}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| futures | 100 | 90 | 0.90 (0.90 to 0.90) | 2.00 ms | 12.0 ms | 150 | 2.0 KiB | 1.00 ms |\n",
		"p50 2.00 ms, p99 2.00 ms\n", "in front of 1000 runs: 30 ms of CPU of the operator in all (20 to 50)\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, got.String())
		}
	}
}

func TestReportQuick_comparesFiguresOfTheSameRun(t *testing.T) {
	t.Parallel()
	compared := []comparison{
		{name: writeCycle, clients: 1, bare: booked{rounds: stretches(100)}, ours: booked{rounds: stretches(80)}},
		{name: writeCreate, clients: 1, bare: booked{rounds: stretches(100)}, ours: booked{rounds: stretches(70)}},
		{name: writeCycle, clients: 16, bare: booked{rounds: stretches(200)}, ours: booked{rounds: stretches(190)}},
		{name: writeCreate, clients: 16, bare: booked{rounds: stretches(200)}, ours: booked{rounds: stretches(100)}},
	}
	background := []took{{rounds: []load.Sample{{Latencies: []time.Duration{3 * time.Millisecond}}}}, {rounds: stretches(95)}}
	reads := held{runs: 1000, answers: []answered{{"GET /hello", stretches(1000)[:1]}, {"GET", stretches(500)[:1]}}}
	var got strings.Builder
	if err := reportQuick(&got, compared, background, []*listening{listenersOf("of a run")}, reads); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| life cycle, clients: 16 | the bare loop | 0.95 (0.95 to 0.95) | 190/s |\n",
		"| submit to frame, p50 | the p50 of a create by one client | 1.50 | 3.00 ms |\n",
		"| background runs, end to end | life cycles by 16 clients | 0.50 (0.50 to 0.50) | 95/s |\n",
		"| life cycles without them | 0.90 (0.90 to 0.90) | 90/s |\n",
		"| GET, 1000 runs | GET /hello | 0.50 | 500/s |\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, got.String())
		}
	}
}

func TestParse_rejectsInvalidFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-parts", "writes,reeds"}, {"-rounds", "0"}, {"-runs", "none"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	b, err := parse([]string{"-runs", "100000", "-parts", "reads"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"reads"}, b.parts); diff != "" || b.runs[0] != 100_000 || len(b.runs) != 1 {
		t.Errorf("got %v in front of %v runs", b.parts, b.runs)
	}
}
