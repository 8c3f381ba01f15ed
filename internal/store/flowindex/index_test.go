package flowindex

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var start = time.Date(2031, time.February, 3, 4, 5, 6, 0, time.UTC)

func ref(uid string) taskrun.ObjectRef { return taskrun.ObjectRef{UID: uid, ResourceVersion: "1"} }

// model is what the index has to have: the objects by UID.
type model struct {
	flows map[string]*flowrun.Flow
	runs  map[string]*flowrun.Run
}

// visibleRuns are the oldest objects of each id.
func (m *model) visibleRuns() map[string]*flowrun.Run {
	visible := map[string]*flowrun.Run{}
	for _, run := range m.runs {
		if other := visible[run.ID]; other == nil || runAge(run, other) < 0 {
			visible[run.ID] = run
		}
	}
	return visible
}

// visibleFlows are the flows that are the oldest of their id and of their name.
func (m *model) visibleFlows() map[string]*flowrun.Flow {
	visible := map[string]*flowrun.Flow{}
	for _, flow := range m.flows {
		if !slices.ContainsFunc(slices.Collect(maps.Values(m.flows)), func(other *flowrun.Flow) bool {
			return (other.ID == flow.ID || other.Name == flow.Name) && flowAge(registered)(other, flow) < 0
		}) {
			visible[flow.ID] = flow
		}
	}
	return visible
}

func check(t *testing.T, m *model, s flowrun.Snapshot) {
	t.Helper()
	runs, flows := m.visibleRuns(), m.visibleFlows()
	got := slices.Collect(s.Runs())
	if !slices.Equal(got, byID(maps.Values(runs))) {
		t.Fatalf("got %d runs, want %d", len(got), len(runs))
	}
	if got := slices.Collect(s.Flows()); len(got) != len(flows) {
		t.Fatalf("got %d flows, want %d", len(got), len(flows))
	}
	for i := range ids {
		id := fmt.Sprint("id-", i)
		if s.Run(id) != runs[id] {
			t.Fatalf("run %s: got %v, want %v", id, s.Run(id), runs[id])
		}
		if s.Flow(id) != flows[id] {
			t.Fatalf("flow %s: got %v, want %v", id, s.Flow(id), flows[id])
		}
		var of []*flowrun.Run
		var newest *flowrun.Run
		for _, run := range byID(maps.Values(runs)) {
			if run.FlowID == id {
				of = append(of, run)
			}
			if run.ParentTaskRunID == id && (newest == nil || !run.Created.Before(newest.Created)) {
				newest = run
			}
		}
		if !slices.Equal(slices.Collect(s.RunsOf(id)), of) {
			t.Fatalf("runs of %s: got %v, want %v", id, slices.Collect(s.RunsOf(id)), of)
		}
		if s.Subflow(id) != newest {
			t.Fatalf("subflow of %s: got %v, want %v", id, s.Subflow(id), newest)
		}
	}
}

const ids = 8

func byID(runs func(func(*flowrun.Run) bool)) []*flowrun.Run {
	return slices.SortedFunc(runs, func(a, b *flowrun.Run) int { return cmpText(a.ID, b.ID) })
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// step makes one random change in both.
func step(r *rand.Rand, m *model, x *Index) {
	uid := "uid-" + strconv.Itoa(r.IntN(30))
	id := "id-" + strconv.Itoa(r.IntN(ids))
	created := start.Add(time.Duration(r.IntN(5)) * time.Second)
	switch r.IntN(6) {
	case 0:
		delete(m.runs, uid)
		x.RemoveRun(uid)
	case 1:
		delete(m.flows, uid)
		x.RemoveFlow(uid)
	case 2:
		m.flows[uid] = &flowrun.Flow{ID: id, Name: "name-" + strconv.Itoa(r.IntN(ids)), Created: created, Ref: ref(uid)}
		x.PutFlow(m.flows[uid])
	default:
		run := &flowrun.Run{ID: id, FlowID: "id-" + strconv.Itoa(r.IntN(ids)), Created: created, Ref: ref(uid)}
		if r.IntN(2) == 0 {
			run.IdempotencyKey = new("key-" + strconv.Itoa(r.IntN(3)))
		}
		if r.IntN(2) == 0 {
			run.ParentTaskRunID = "id-" + strconv.Itoa(r.IntN(ids))
		}
		if known := m.runs[uid]; known != nil { // what a write does not change
			run.ID, run.Created = known.ID, known.Created
		}
		m.runs[uid] = run
		x.PutRun(run)
	}
}

func TestTheIndexHasTheFirstObjectOfEachID(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		m, x := &model{map[string]*flowrun.Flow{}, map[string]*flowrun.Run{}}, New(registered)
		var snapshots []flowrun.Snapshot
		var models []*model
		for range 300 {
			step(r, m, x)
			if r.IntN(10) == 0 {
				snapshots = append(snapshots, x.Snapshot())
				models = append(models, &model{maps.Clone(m.flows), maps.Clone(m.runs)})
			}
			for key := range 3 {
				checkKey(t, m, x, flowrun.Key{FlowID: "id-1", IdempotencyKey: "key-" + strconv.Itoa(key)})
			}
		}
		check(t, m, x.Snapshot())
		for i, s := range snapshots {
			check(t, models[i], s)
		}
		for name := range ids {
			if flow := x.FlowNamed("name-" + strconv.Itoa(name)); flow != nil && m.visibleFlows()[flow.ID] != flow {
				t.Errorf("the name %s is that of %v", flow.Name, flow)
			}
		}
	}
}

func checkKey(t *testing.T, m *model, x *Index, key flowrun.Key) {
	t.Helper()
	var want *flowrun.Run
	for _, run := range m.visibleRuns() {
		if got, keyed := run.Key(); keyed && got == key && (want == nil || runAge(run, want) < 0) {
			want = run
		}
	}
	if got := x.RunByKey(key); got != want {
		t.Fatalf("key %v: got %v, want %v", key, got, want)
	}
}

func TestFollowersSeeEachChangeOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 8))
	m, x := &model{map[string]*flowrun.Flow{}, map[string]*flowrun.Run{}}, New(registered)
	for range 50 {
		step(r, m, x)
	}
	seen := map[string]*flowrun.Run{}
	now, stop := x.Follow(func(before, after *flowrun.Run) {
		id := ""
		for _, run := range []*flowrun.Run{before, after} {
			if run != nil {
				id = run.ID
			}
		}
		if seen[id] != before {
			t.Errorf("%s changed from %v, was %v", id, before, seen[id])
		}
		if seen[id] = after; after == nil {
			delete(seen, id)
		}
	})
	for run := range now {
		seen[run.ID] = run
	}
	for range 500 {
		step(r, m, x)
	}
	if diff := cmp.Diff(byID(maps.Values(m.visibleRuns())), byID(maps.Values(seen))); diff != "" {
		t.Errorf("(-runs +followed):\n%s", diff)
	}
	stop()
	before := maps.Clone(seen)
	for range 50 {
		step(r, m, x)
	}
	if !maps.Equal(before, seen) {
		t.Error("a stopped follower was called")
	}
}

func TestStateFindsPastStates(t *testing.T) {
	t.Parallel()
	x := New(registered)
	run := &flowrun.Run{ID: "id-1", Ref: ref("uid-1"), History: []orchestration.State{{ID: "past"}}}
	run.State = &orchestration.State{ID: "now"}
	x.PutRun(run)
	for id, want := range map[string]*flowrun.Run{"past": run, "now": run, "other": nil} {
		if state, got := x.State(id); got != want || (state != nil) != (want != nil) {
			t.Errorf("%s: got %v of %v", id, state, got)
		}
	}
}

// A user can claim any time of creation, but not the UID and not the name of an object
// that is there.
func TestAnIDIsThatOfTheObjectThatHasItForItsUIDOrName(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Hour)
	byUID := &flowrun.Run{ID: "id", Created: later, Ref: taskrun.ObjectRef{UID: "id", Name: "a"}}
	byName := &flowrun.Run{ID: "id", Created: later, Ref: taskrun.ObjectRef{UID: "b", Name: "id"}}
	claimed := &flowrun.Run{ID: "id", Created: start, Ref: taskrun.ObjectRef{UID: "c", Name: "c"}}
	x := New(registered)
	for _, step := range []struct{ put, want *flowrun.Run }{{claimed, claimed}, {byName, byName}, {byUID, byUID}} {
		x.PutRun(step.put)
		if got := x.Run("id"); got != step.want {
			t.Errorf("got the run of %s, want that of %s", got.Ref.Name, step.want.Ref.Name)
		}
	}
	x.RemoveRun("id")
	if got := x.Run("id"); got != byName {
		t.Errorf("got the run of %s, want that of the next object", got.Ref.Name)
	}
	mine := &flowrun.Flow{ID: "x", Name: "etl", Created: start, Ref: taskrun.ObjectRef{UID: "d", Name: "mine"}}
	theirs := &flowrun.Flow{ID: "y", Name: "etl", Created: later, Ref: taskrun.ObjectRef{UID: "e", Name: registeredName}}
	x.PutFlow(mine)
	x.PutFlow(theirs)
	if got := x.FlowNamed("etl"); got != theirs {
		t.Errorf("got the flow of %s, want that of %s", got.Ref.Name, registeredName)
	}
}

const registeredName = "registered"

func registered(flow *flowrun.Flow) bool { return flow.Ref.Name == registeredName }

// Readers and writers at the same time: the race detector is the judge, and a snapshot is
// one moment.
func TestSnapshotsDoNotChangeWhileOthersWrite(t *testing.T) {
	t.Parallel()
	x := New(registered)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 9))
			for range 300 {
				uid := fmt.Sprintf("uid-%d-%d", worker, r.IntN(20))
				if r.IntN(3) == 0 {
					x.RemoveRun(uid)
				} else {
					x.PutRun(&flowrun.Run{ID: uid, FlowID: "id-1", Ref: ref(uid)})
				}
				s := x.Snapshot()
				if n, again := len(slices.Collect(s.Runs())), len(slices.Collect(s.RunsOf("id-1"))); n != again {
					t.Errorf("a snapshot has %d and %d runs", n, again)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkSnapshotAndWrite(b *testing.B) {
	x := New(registered)
	runs := make([]*flowrun.Run, 100_000)
	for i := range runs {
		runs[i] = &flowrun.Run{ID: fmt.Sprintf("id-%06d", i), FlowID: fmt.Sprintf("flow-%d", i%100), Ref: ref(strconv.Itoa(i))}
		x.PutRun(runs[i])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		x.Snapshot()
		next := *runs[i%len(runs)]
		x.PutRun(&next)
		i += 7919
	}
}

func BenchmarkRunsOfASnapshot(b *testing.B) {
	x := New(registered)
	for i := range 100_000 {
		x.PutRun(&flowrun.Run{ID: fmt.Sprintf("id-%06d", i), FlowID: fmt.Sprintf("flow-%d", i%100), Ref: ref(strconv.Itoa(i))})
	}
	for b.Loop() {
		n := 0
		for range x.Snapshot().Runs() {
			n++
		}
	}
}

func TestFlowHolder_isTheFlowWithTheSameNameOrID(t *testing.T) {
	t.Parallel()
	x := New(registered)
	put := func(uid, id, name string, age time.Duration) *flowrun.Flow {
		flow := &flowrun.Flow{ID: id, Name: name, Created: start.Add(-age), Ref: ref(uid)}
		x.PutFlow(flow)
		return flow
	}
	first := put("first", "a", "etl", time.Hour)
	put("same-name", "b", "etl", time.Minute)
	put("same-id", "a", "other", time.Minute)
	cases := map[string]struct {
		want  *flowrun.Flow
		known bool
	}{
		"first":     {nil, true},
		"same-name": {first, true},
		"same-id":   {first, true},
		"unknown":   {nil, false},
	}
	for uid, tc := range cases {
		if got, known := x.FlowHolder(uid); got != tc.want || known != tc.known {
			t.Errorf("%s: %v, %v, want %v, %v", uid, got, known, tc.want, tc.known)
		}
	}
	x.RemoveFlow("first")
	for _, uid := range []string{"same-name", "same-id"} {
		if got, known := x.FlowHolder(uid); got != nil || !known {
			t.Errorf("%s: %v, %v after the first was deleted", uid, got, known)
		}
	}
}
