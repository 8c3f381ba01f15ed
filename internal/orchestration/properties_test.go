package orchestration

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Properties that hold for all facts. This test checks a fixed sequence of
// random facts, FuzzDecide below those of the fuzzer.
func TestProperties(t *testing.T) {
	t.Parallel()
	seen := map[Status]int{}
	for seed := range uint64(5000) {
		seen[checkProperties(t, seed, fuzzed{})]++
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
	for _, status := range []Status{Accept, Reject, Wait, Abort} {
		if seen[status] < 50 {
			t.Errorf("only %d of the random facts led to %s", seen[status], status)
		}
	}
}

func FuzzDecide(f *testing.F) {
	f.Add(uint64(1), []byte(`{"type":"unpersisted"}`), 3.0, 10.0, 0.3, int64(1), int64(0), "FAILED", "k")
	f.Add(uint64(2), []byte(`{`), math.Inf(1), math.NaN(), -5.0, int64(math.MinInt64), int64(math.MaxInt64), "", "")
	f.Add(uint64(3), []byte(`-`), -1.0, -math.MaxFloat64, 1e300, int64(math.MaxInt64), int64(math.MinInt64), "bogus", strings.Repeat("k", 2001))
	f.Fuzz(func(t *testing.T, seed uint64, data []byte, retries, delay, jitter float64, count, nanos int64, to, key string) {
		checkProperties(t, seed, fuzzed{
			use: true, data: data, retries: retries, delay: delay, jitter: jitter,
			count: count, nanos: nanos, to: StateType(to), key: key,
		})
	})
}

// exactly compares data as a whole, because a comparison byte by byte is slow.
var exactly = []gocmp.Option{
	cmpopts.EquateNaNs(),
	gocmp.Comparer(func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }),
}

// fuzzed replaces some of the random facts.
type fuzzed struct {
	use                    bool
	data                   []byte
	retries, delay, jitter float64
	count, nanos           int64
	to                     StateType
	key                    string
}

func checkProperties(t *testing.T, seed uint64, fz fuzzed) Status {
	t.Helper()
	f, untouched, again := randomFacts(seed, fz), randomFacts(seed, fz), randomFacts(seed, fz)
	got := Decide(f)

	if diff := gocmp.Diff(untouched, f, exactly...); diff != "" {
		t.Errorf("Decide changed the facts (-before +after):\n%s", diff)
	}
	if diff := gocmp.Diff(got, Decide(again), exactly...); diff != "" {
		t.Errorf("equal facts, another decision (-first +second):\n%s", diff)
	}
	checkAnswer(t, f, got)
	checkTerminal(t, f, got)
	checkEdits(t, f, got)
	checkTimes(t, f, got)
	checkSlots(t, f, got)

	scribble(&got)
	if diff := gocmp.Diff(untouched, f, exactly...); diff != "" {
		t.Errorf("the decision shares memory with the facts (-before +after):\n%s", diff)
	}
	return got.Status
}

// checkAnswer checks that the parts of a decision are consistent.
func checkAnswer(t *testing.T, f Facts, got Decision) {
	t.Helper()
	nothing := got.State == nil
	switch got.Status {
	case Accept:
		if got.Reason != "" || nothing && f.Proposed.Type != None {
			t.Errorf("ACCEPT with reason %q and state %v", got.Reason, got.State)
		}
	case Wait, Abort:
		if !nothing || got.Reason == "" {
			t.Errorf("%s with reason %q and state %v", got.Status, got.Reason, got.State)
		}
	case Reject:
		if got.Reason == "" {
			t.Error("REJECT without a reason")
		}
	default:
		t.Errorf("the answer is %q", got.Status)
	}
	if (got.Status == Wait) != (got.Delay > 0) || got.Delay%time.Second != 0 {
		t.Errorf("%s with a delay of %s", got.Status, got.Delay)
	}
	if f.Force && !isTrue(f.Proposed.Details.Deferred) && got.Status != Accept {
		t.Errorf("a forced proposal got %s", got.Status)
	}
	want := f.Run.State
	if nothing {
		if diff := gocmp.Diff(f.Run.Progress, got.Progress, exactly...); diff != "" {
			t.Errorf("the decision writes nothing, but the progress changed (-before +after):\n%s", diff)
		}
	} else {
		want = got.State
	}
	if diff := gocmp.Diff(want, got.Progress.State, exactly...); diff != "" {
		t.Errorf("the progress has another state than is written (-want +got):\n%s", diff)
	}
}

// checkTerminal: the state of a finished run changes only if the terminal rule
// accepts it, or by force.
func checkTerminal(t *testing.T, f Facts, got Decision) {
	t.Helper()
	forced := f.Force && !isTrue(f.Proposed.Details.Deferred)
	known := slices.Contains(StateTypes, f.Proposed.Type) // no rule applies to other types
	if !f.Run.State.typ().Terminal() || forced || !known || got.State == nil {
		return
	}
	if got.Status == Accept && slices.Contains([]StateType{Cancelling, Paused, Crashed}, got.State.Type) {
		t.Errorf("a %s run became %s", f.Run.State.Type, got.State.Type)
	}
	if got.State.Name == NameCached && f.CacheEntry != nil {
		return // a cached result takes precedence
	}
	if f.Run.State.Type == Completed && persistedResult(f.Run.State.Data) {
		t.Errorf("a run with a result became %s", got.State.Type)
	}
	heard := slices.ContainsFunc(got.Trace, func(e TraceEntry) bool {
		return e.Rule == handleTaskTerminalStateTransitions.Name && (e.Did == "passed" || strings.Contains(e.Did, "run count 0"))
	})
	if !heard {
		t.Errorf("the terminal rule did not let this pass: %v", got.Trace)
	}
}

// checkEdits: an accepted state is the proposed one, apart from the edits of the
// contract.
func checkEdits(t *testing.T, f Facts, got Decision) {
	t.Helper()
	if got.Status != Accept || got.State == nil {
		return
	}
	want := f.Proposed.clone()
	want.Timestamp = got.State.Timestamp // see checkTimes
	ruled := !f.Force || isTrue(want.Details.Deferred)
	background := isTrue(want.Details.Deferred)
	initial := f.Run.State
	renamed := got.State.Name == NameRetrying || got.State.Name == NameRerunning
	if ruled && want.Type == Running && renamed {
		want.Name = got.State.Name
	}
	if ruled && initial.typ() == Scheduled && want.Type == Pending && want.Details.ScheduledTime == nil {
		want.Details.ScheduledTime = initial.Details.ScheduledTime
	}
	if background && initial.typ() == Pending && want.Type == Pending {
		want.Details.ScheduledTime = initial.Details.ScheduledTime
		want.Details.DeploymentConcurrencyLeaseID = initial.Details.DeploymentConcurrencyLeaseID
	}
	early := initial.typ() == Scheduled || initial.typ() == Pending
	if background && early && (want.Type == Pending || want.Type == Running) && want.Details.TaskParametersID == "" {
		want.Details.TaskParametersID = initial.Details.TaskParametersID
	}
	want.CacheEntry = ruled && want.Type == Completed && want.Details.cacheKey() != ""
	if diff := gocmp.Diff(&want, got.State, exactly...); diff != "" {
		t.Errorf("the accepted state is not the proposed one (-want +got):\n%s", diff)
	}
}

// checkTimes: timestamps increase from state to state, and computed times can be
// written.
func checkTimes(t *testing.T, f Facts, got Decision) {
	t.Helper()
	if got.State == nil {
		return
	}
	if at := got.State.Timestamp; at.Nanosecond()%1000 != 0 {
		t.Errorf("timestamp %s has nanoseconds", at)
	}
	if f.Run.State != nil && f.Run.State.Timestamp.Before(latest) && !got.State.Timestamp.After(f.Run.State.Timestamp) {
		t.Errorf("timestamp %s is not after %s", got.State.Timestamp, f.Run.State.Timestamp)
	}
	if got.State.ID == f.NewID && got.State.Type == Scheduled {
		at := got.State.Details.ScheduledTime
		if at.IsZero() || at.Before(earliest) || at.After(latest) || at.Nanosecond()%1000 != 0 {
			t.Errorf("the retry is at %s", at)
		}
	}
	if f.Run.TotalRunTime >= 0 && got.Progress.TotalRunTime < f.Run.TotalRunTime {
		t.Errorf("total run time fell from %s to %s", f.Run.TotalRunTime, got.Progress.TotalRunTime)
	}
}

// checkSlots: under the Core policy, a run starts only with a slot of each
// limit, held or claimed. No other transition claims a slot.
func checkSlots(t *testing.T, f Facts, got Decision) {
	t.Helper()
	var want []string
	ruled := !f.Force && !isTrue(f.Proposed.Details.Deferred)
	if got.State != nil && got.State.Type == Running && f.Proposed.Type == Running && ruled {
		for _, l := range f.TagLimits {
			if l.Limit <= 0 || l.Taken >= l.Limit && !l.Held {
				t.Errorf("the run starts without a slot of %+v", l)
			}
			if !l.Held {
				want = append(want, l.Tag)
			}
		}
	}
	if got.AwaitsSlots != (got.Status == Wait && strings.HasPrefix(got.Reason, "Concurrency limit reached")) {
		t.Errorf("%s %q is for slots: %t", got.Status, got.Reason, got.AwaitsSlots)
	}
	if diff := gocmp.Diff(want, got.Slots); diff != "" {
		t.Errorf("slots to take (-want +got):\n%s", diff)
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

// randomFacts returns random facts. Equal arguments return equal facts that
// share no memory.
func randomFacts(seed uint64, fz fuzzed) Facts {
	r := rand.New(rand.NewPCG(seed, 0))
	f := Facts{
		Run: Run{
			ID: "run", FlowRunID: pick(r, "", "flow-run"), Tags: []string{"a"},
			Policy: RetryPolicy{
				Retries:      pick(r, nil, new(3.0), new(math.Inf(1)), new(math.NaN())),
				Delays:       pick(r, nil, []float64{}, []float64{0.5, 30}, []float64{math.NaN()}, []float64{1e300, -1e300}),
				JitterFactor: pick(r, 0, 0.3, 60, math.Inf(1), -2),
			},
			Progress: Progress{
				RunCount: pick(r, int64(0), 1, 2, 5, math.MaxInt64, -1), FlowRunRunCount: r.Int64N(3),
				ExpectedStartTime: randomTime(r), NextScheduledStartTime: randomTime(r),
				StartTime: randomTime(r), EndTime: randomTime(r),
				TotalRunTime: pick(r, 0, time.Hour, math.MaxInt64, -time.Hour),
			},
		},
		Proposed: *randomState(r, "proposed"),
		Force:    r.IntN(6) == 0,
		Now:      noon.Add(time.Duration(r.Int64N(1e9))),
		Draw:     r.Float64(),
		NewID:    "new",
	}
	if r.IntN(10) > 0 {
		f.Run.State = randomState(r, "initial")
	}
	if r.IntN(3) == 0 {
		f.Proposed.Type = Running // the type that most rules apply to
	}
	if r.IntN(3) == 0 {
		f.FlowRun = &FlowRun{RunCount: r.Int64N(3), State: pick(r, nil, randomState(r, "flow"), &State{Type: Running})}
	}
	if r.IntN(3) == 0 {
		f.CacheEntry = randomState(r, "entry")
	}
	for _, tag := range []string{"a", "b"}[:r.IntN(3)] {
		f.TagLimits = append(f.TagLimits, TagLimit{
			Tag: tag, Limit: r.Int64N(8), Taken: r.Int64N(5), Held: r.IntN(3) == 0,
		})
	}
	if fz.use {
		fz.apply(r, &f)
	}
	return f
}

func (fz fuzzed) apply(r *rand.Rand, f *Facts) {
	f.Run.Policy = RetryPolicy{Retries: &fz.retries, Delays: []float64{fz.delay}, JitterFactor: fz.jitter}
	f.Run.RunCount = fz.count
	f.Now = f.Now.Add(time.Duration(fz.nanos))
	f.Proposed.Details.CacheKey = &fz.key
	f.Proposed.Data = slices.Clone(fz.data)
	if f.Run.State != nil {
		f.Run.State.Data = slices.Clone(fz.data)
		f.Run.State.Details.ScheduledTime = new(noon.Add(time.Duration(fz.nanos)))
	}
	if r.IntN(4) == 0 {
		f.Proposed.Type = fz.to
	}
}

func randomState(r *rand.Rand, id string) *State {
	s := &State{
		ID: id, Type: StateTypes[r.IntN(len(StateTypes))], Timestamp: *cmp.Or(randomTime(r), &noon),
		Message: pick(r, nil, new("boom")),
		Data: json.RawMessage(pick(r, "", "null", "0", `""`, "{}", "[]", "7", `"text"`, `{"a":1}`, `{"type":"unpersisted"}`,
			"[1", "boom")),
		Details: StateDetails{
			ScheduledTime: randomTime(r), CacheKey: pick(r, nil, new("k"), new(strings.Repeat("k", 2001))),
			CacheExpiration: randomTime(r), Deferred: pick(r, nil, new(false), new(true)),
			PauseTimeout: randomTime(r), PauseReschedule: r.IntN(2) == 0, PauseKey: pick(r, nil, new("p")),
			RunInputKeyset: pick(r, nil, map[string]string{}, map[string]string{"a": "b"}),
			RefreshCache:   pick(r, nil, new(true)), Retriable: pick(r, nil, new(false), new(true)),
			TaskParametersID: pick(r, "", "parameters-"+id), Traceparent: pick(r, nil, new("t")),
			DeploymentConcurrencyLeaseID: pick(r, "", "lease-"+id),
		},
	}
	s.Name = pick(r, s.Type.DefaultName(), "", "Mine", NameAwaitingRetry)
	return s
}

// randomTime returns nil often, a time near noon mostly, and an extreme one
// sometimes.
func randomTime(r *rand.Rand) *time.Time {
	switch r.IntN(6) {
	case 0:
		return nil
	case 1:
		return new(pick(r, earliest, latest, time.Time{}, latest.AddDate(3, 0, 0)))
	default:
		return new(noon.Add(time.Duration(r.Int64N(20e9) - 10e9)))
	}
}

// pick returns one of the values. All values are computed before the pick, so
// the sequence of random numbers does not depend on the choice.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// scribble overwrites all memory that is reachable from a decision.
func scribble(d *Decision) {
	for _, s := range []*State{d.State, d.Progress.State} {
		if s != nil {
			scribbleState(s)
		}
	}
	p := &d.Progress
	for _, at := range []*time.Time{p.ExpectedStartTime, p.NextScheduledStartTime, p.StartTime, p.EndTime} {
		overwrite(at)
	}
	clear(d.Slots)
	for i := range d.Trace {
		d.Trace[i] = TraceEntry{}
	}
}

func scribbleState(s *State) {
	for i := range s.Data {
		s.Data[i] = '!'
	}
	d := &s.Details
	for _, text := range []*string{s.Message, d.CacheKey, d.PauseKey, d.Traceparent} {
		overwrite(text)
	}
	for _, at := range []*time.Time{d.ScheduledTime, d.CacheExpiration, d.PauseTimeout} {
		overwrite(at)
	}
	for _, flag := range []*bool{d.Deferred, d.RefreshCache, d.Retriable} {
		if flag != nil {
			*flag = !*flag
		}
	}
	for key := range d.RunInputKeyset {
		d.RunInputKeyset[key] = "!"
	}
	*s = State{}
}

func overwrite[T any](p *T) {
	if p != nil {
		*p = *new(T)
	}
}
