package usecase_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// stream holds the events of workers about some runs, in the order in which they
// happened.
type stream struct {
	random  *rand.Rand
	partial bool // events have only some fields
	events  []taskrun.Event
	// created are the runs that clients created before the first event, ended those of
	// them that they cancelled.
	created, ended []string
}

func newStream(seed uint64, partial bool) *stream {
	s := &stream{random: rand.New(rand.NewPCG(seed, 5)), partial: partial}
	for run := range 1 + s.random.IntN(3) {
		id := fmt.Sprintf("0198a1b2-0000-7000-8000-%012d", run)
		switch s.random.IntN(6) {
		case 0:
			s.created = append(s.created, id)
		case 1:
			s.created, s.ended = append(s.created, id), append(s.ended, id)
		}
		for n := range 1 + s.random.IntN(6) {
			s.events = append(s.events, s.event(id, run, n))
		}
	}
	slices.SortFunc(s.events, inTime)
	return s
}

func inTime(a, b taskrun.Event) int {
	return cmp.Or(a.State.Timestamp.Compare(b.State.Timestamp), cmp.Compare(a.State.ID, b.State.ID))
}

var kinds = []orchestration.StateType{
	orchestration.Scheduled, orchestration.Pending, orchestration.Running, orchestration.Completed, orchestration.Failed, orchestration.Cancelling,
}

// event returns the nth event of a run. Some events have equal times, and some are older
// than a run that a client created.
func (s *stream) event(id string, run, n int) taskrun.Event {
	kind := kinds[s.random.IntN(len(kinds))]
	return taskrun.Event{
		RunID: id,
		State: orchestration.State{
			ID: fmt.Sprintf("0198a1b2-0000-7000-9000-%06d%06d", run, n), Type: kind, Name: kind.DefaultName(),
			Timestamp: start.Add(time.Duration(n-n%3) * 25 * time.Second), Message: new("m" + strconv.Itoa(n)),
			Details: orchestration.StateDetails{Deferred: new(false)},
		},
		Patch: s.columns(run),
	}
}

func (s *stream) columns(run int) taskrun.Patch {
	n := s.random.IntN(4)
	text, number, at := strconv.Itoa(n), int64(n), start.Add(time.Duration(n)*time.Hour)
	flow := taskrun.Null[string]()
	if n > 1 {
		flow = taskrun.Set(eventFlow)
	}
	return taskrun.Patch{
		FlowRunID: flow, TaskKey: taskrun.Set("k"), DynamicKey: taskrun.Set("d" + strconv.Itoa(run)),
		Name:                   some(s, "n"+text),
		CacheKey:               some(s, text),
		CacheExpiration:        some(s, at),
		TaskVersion:            some(s, text),
		Policy:                 some(s, taskrun.Policy{Retries: text}),
		Tags:                   some(s, slices.Repeat([]string{"t"}, n)),
		Labels:                 some(s, map[string]json.RawMessage{"l": json.RawMessage(text)}),
		TaskInputs:             some(s, map[string][]taskrun.TaskInput{"x": {{InputType: taskrun.InputParameter, Name: text}}}),
		RunCount:               some(s, number),
		FlowRunRunCount:        some(s, number),
		ExpectedStartTime:      some(s, at),
		NextScheduledStartTime: some(s, at),
		StartTime:              some(s, at),
		EndTime:                some(s, at),
		TotalRunTime:           some(s, time.Duration(n)*time.Second),
	}
}

// some returns a field or null. In a partial stream, the field may also be unset.
func some[T any](s *stream, value T) taskrun.Optional[T] {
	switch s.random.IntN(4) {
	case 0:
		return taskrun.Null[T]()
	case 1:
		if s.partial {
			return taskrun.Optional[T]{}
		}
	}
	return taskrun.Set(value)
}

// arrivals returns the events in random order and batches, some of them repeated.
func (s *stream) arrivals() [][]taskrun.Event {
	all := slices.Clone(s.events)
	for range s.random.IntN(6) {
		all = append(all, s.events[s.random.IntN(len(s.events))])
	}
	s.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	batches := [][]taskrun.Event{}
	for len(all) > 0 {
		n := 1 + s.random.IntN(min(len(all), 5))
		batches, all = append(batches, all[:n]), all[n:]
	}
	return batches
}

// played is the result of a stream.
type played struct {
	Runs    map[string]*taskrun.Run
	NoLabel map[string]bool     // labels are null
	Refused map[string]struct{} // ids of states
}

// play records the batches in a new store.
func (s *stream) play(t *testing.T, batches [][]taskrun.Event) played {
	t.Helper()
	r := newRecorder()
	made := 0
	r.NewName = func() string { return "made-up" }
	r.NewID = func() string { made++; return fmt.Sprintf("0198a1b2-0000-7000-a000-%012d", made) }
	for _, id := range s.created {
		mustCreate(t, r.Service, taskrun.NewRun{Run: taskrun.Run{ID: id, TaskKey: "k", DynamicKey: id}})
	}
	for _, id := range s.ended {
		mustSet(t, r.Service, id, taskrun.Proposal{Type: orchestration.Cancelled})
	}
	r.clock.Step(time.Hour) // no event is in the future
	got := played{Runs: map[string]*taskrun.Run{}, NoLabel: map[string]bool{}, Refused: map[string]struct{}{}}
	for _, batch := range batches {
		err := r.Record(t.Context(), batch, func(e taskrun.Event, _ error) { got.Refused[e.State.ID] = struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range s.events {
		run := r.get(t, e.RunID)
		got.Runs[e.RunID] = run
		got.NoLabel[e.RunID] = run.Reported != nil && run.Reported.Labels.Given && run.Reported.Labels.Value == nil
	}
	return got
}

// comparePlays ignores fields that depend on the time and number of writes.
var comparePlays = gocmp.Options{
	cmpopts.IgnoreFields(taskrun.Run{}, "Ref", "Created", "Updated", "EndRecorded", "StatusStale", "Reported"), cmpopts.EquateEmpty(),
}

// For any order, repetition and batching of events, the runs end as if each event had
// arrived once, when it happened.
func TestRecord_mergesEventsInAnyOrder(t *testing.T) {
	t.Parallel()
	finished, late := 0, 0
	for seed := range uint64(400) {
		s := newStream(seed, false)
		want := s.play(t, slices.Collect(slices.Chunk(s.events, 1)))
		got := s.play(t, s.arrivals())
		if diff := gocmp.Diff(want, got, comparePlays); diff != "" {
			t.Fatalf("seed %d (-in order +got):\n%s", seed, diff)
		}
		late += len(got.Refused)
		finished += len(s.ended)
	}
	if finished == 0 || late == 0 {
		t.Errorf("%d runs were cancelled and %d events late: the streams are too tame", finished, late)
	}
}

// All states of partial events are kept in any order of arrival. The fields are those of
// the events that were newer than the current state when they arrived: an older event
// does not change fields (contract §4.4).
func TestRecord_mergesPartialEventsInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		s := newStream(seed, true)
		batches := s.arrivals()
		inOrder := s.play(t, slices.Collect(slices.Chunk(s.events, 1)))
		got := s.play(t, batches)
		for id, want := range inOrder.Runs {
			if diff := gocmp.Diff(want.States(), got.Runs[id].States()); diff != "" {
				t.Fatalf("seed %d: states (-in order +got):\n%s", seed, diff)
			}
		}
		// Only the events that were newest at their arrival.
		effective := s.effective(batches)
		want := s.play(t, effective)
		for id, run := range want.Runs {
			run.History, run.State = got.Runs[id].History, got.Runs[id].State
		}
		want.Refused = got.Refused
		if diff := gocmp.Diff(want, got, comparePlays); diff != "" {
			t.Fatalf("seed %d: columns (-want +got):\n%s", seed, diff)
		}
	}
}

// effective returns the events that change fields, one by one.
func (s *stream) effective(batches [][]taskrun.Event) [][]taskrun.Event {
	newest := map[string]taskrun.Event{}
	var effective [][]taskrun.Event
	for _, batch := range batches {
		for _, e := range slices.SortedFunc(slices.Values(batch), inTime) {
			last, known := newest[e.RunID]
			if !known || inTime(e, last) > 0 {
				newest[e.RunID] = e
				effective = append(effective, []taskrun.Event{e})
			}
		}
	}
	return effective
}

// If the server ends between the two writes that create a run, a repeated request
// completes the run. A write of another client between the two does not change that.
func TestRecord_finishesInterruptedCreate(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		s := newStream(seed, true)
		s.created, s.ended = nil, nil
		s.events = slices.DeleteFunc(s.events, func(e taskrun.Event) bool { return e.RunID != s.events[0].RunID })
		for what, cut := range map[string]error{"failed": taskrun.ErrUnavailable, "conflict with another writer": taskrun.ErrConflict} {
			events := s.events
			again := errors.Is(cut, taskrun.ErrUnavailable)
			if again {
				events = events[:1]
			}
			want := s.play(t, [][]taskrun.Event{events})
			r, store := newBrokenRecorder(cut)
			err := r.Record(t.Context(), events, refuseNone(t))
			if cutShort := store.failed && again; cutShort != (err != nil) {
				t.Fatalf("seed %d: the write that %s gave %v", seed, what, err)
			}
			store.cut = nil
			r.record(t, events...)
			id := s.events[0].RunID
			if diff := gocmp.Diff(want.Runs[id], r.get(t, id), comparePlays); diff != "" {
				t.Fatalf("seed %d: after a write that %s (-want +got):\n%s", seed, what, diff)
			}
		}
	}
}

// brokenStore fails the first write of progress, and rejects invalid runs.
type brokenStore struct {
	*memory.Store
	cut    error
	failed bool
	unfit  map[string]bool
}

func (b *brokenStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if b.unfit[run.ID] {
		return nil, &taskrun.InvalidError{Field: "spec", Reason: "does not fit"}
	}
	// Of a new run's progress only the state is stored. The rest is derived.
	bare := *run
	bare.Reported, bare.History = nil, nil
	bare = taskrun.Begin(bare, *run.State)
	return b.Store.Create(ctx, &bare)
}

func (b *brokenStore) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if b.cut != nil && !b.failed {
		b.failed = true
		return nil, b.cut
	}
	return b.Store.UpdateProgress(ctx, run)
}

func newBrokenRecorder(cut error) (*recorder, *brokenStore) {
	clock := testingclock.NewFakeClock(start.Add(time.Hour))
	store := &brokenStore{Store: memory.NewWithClock(clock), cut: cut}
	service := usecase.New(usecase.Options{
		Namespace: "default", Store: store, Clock: clock, NewName: func() string { return "made-up" },
	})
	return &recorder{Service: service, clock: clock}, store
}

func refuseNone(t *testing.T) func(taskrun.Event, error) {
	t.Helper()
	return func(e taskrun.Event, err error) { t.Errorf("%s was refused: %v", e.State.ID, err) }
}

func TestRecord_eventRejectedByStoreLeavesOtherEvents(t *testing.T) {
	t.Parallel()
	r, store := newBrokenRecorder(nil)
	store.unfit = map[string]bool{eventRun: true}
	r.record(t, event(eventRun, 1, orchestration.Running), event(otherRun, 2, orchestration.Running))
	if got := stateNames(r.get(t, otherRun)); got != "Running" {
		t.Errorf("the other run has states %s", got)
	}
	if diff := gocmp.Diff([]string{"Running: spec: does not fit"}, r.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}
