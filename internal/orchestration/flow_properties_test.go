package orchestration

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// Properties that hold for all facts of flow runs, tried on a fixed sequence of random
// facts.
func TestFlowRunProperties(t *testing.T) {
	t.Parallel()
	seen := map[Status]int{}
	for seed := range uint64(3000) {
		seen[checkFlowProperties(t, seed)]++
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

func checkFlowProperties(t *testing.T, seed uint64) Status {
	t.Helper()
	f, untouched, again := randomFlowFacts(seed), randomFlowFacts(seed), randomFlowFacts(seed)
	got := DecideFlowRun(f)

	if diff := gocmp.Diff(untouched, f, exactly...); diff != "" {
		t.Errorf("DecideFlowRun changed the facts (-before +after):\n%s", diff)
	}
	if diff := gocmp.Diff(got, DecideFlowRun(again), exactly...); diff != "" {
		t.Errorf("equal facts, another decision (-first +second):\n%s", diff)
	}
	checkFlowDecision(t, f, got)
	checkFlowEnd(t, f, got)
	checkFlowEdits(t, f, got)
	checkFlowTimes(t, f, got)

	scribble(&Decision{State: got.State, Progress: got.Progress.Progress, Trace: got.Trace})
	clear(got.Progress.PauseKeys)
	if diff := gocmp.Diff(untouched, f, exactly...); diff != "" {
		t.Errorf("the decision shares memory with the facts (-before +after):\n%s", diff)
	}
	return got.Status
}

// checkFlowDecision holds the parts of a decision against each other.
func checkFlowDecision(t *testing.T, f FlowRunFacts, got FlowRunDecision) {
	t.Helper()
	nothing := got.State == nil
	valid := map[Status]bool{
		Accept: got.Reason == "" && !nothing,
		Reject: got.Reason != "",
		Wait:   got.Reason != "" && nothing,
		Abort:  got.Reason != "" && nothing,
	}
	if !valid[got.Status] {
		t.Errorf("%s with reason %q and state %v", got.Status, got.Reason, got.State)
	}
	if (got.Status == Wait) != (got.Delay > 0) || got.Delay%time.Second != 0 {
		t.Errorf("%s with a delay of %s", got.Status, got.Delay)
	}
	want := f.Progress.clone()
	if nothing {
		// A run that is paused is marked by a transition that was rejected.
		want.Resuming = got.Progress.Resuming
		if got.Progress.Resuming != f.Progress.Resuming && f.Progress.State.typ() != Paused {
			t.Errorf("the mark of a run in %s changed, and no state is written", f.Progress.State.typ())
		}
		if diff := gocmp.Diff(want, got.Progress, exactly...); diff != "" {
			t.Errorf("no state is written, yet the progress changed (-before +after):\n%s", diff)
		}
	} else if diff := gocmp.Diff(got.State, got.Progress.State, exactly...); diff != "" {
		t.Errorf("the progress has another state than is written (-want +got):\n%s", diff)
	}
	if got.Progress.RunCount < f.Progress.RunCount || got.Progress.NonCountingAttempts < f.Progress.NonCountingAttempts {
		t.Errorf("the counts fell from %d, %d to %d, %d", f.Progress.RunCount, f.Progress.NonCountingAttempts,
			got.Progress.RunCount, got.Progress.NonCountingAttempts)
	}
}

// checkFlowEnd: a run whose end was decided changes only as its rules allow, or by force.
func checkFlowEnd(t *testing.T, f FlowRunFacts, got FlowRunDecision) {
	t.Helper()
	initial := f.Progress.State
	if f.Policy == FlowRunLate || initial.typ() != Cancelled || !f.Progress.endDecided() || got.State == nil {
		return
	}
	allowed := []StateType{Cancelled}
	if f.Policy == FlowRunMinimal {
		allowed = slices.DeleteFunc(slices.Clone(StateTypes), func(t StateType) bool { return t == Crashed })
	} else if f.HasDeployment {
		allowed = append(allowed, Scheduled)
	}
	if !slices.Contains(allowed, got.State.Type) {
		t.Errorf("a cancelled run became %s", got.State.Type)
	}
}

// checkFlowEdits: an accepted state is the proposed one but for what the contract says is
// edited.
func checkFlowEdits(t *testing.T, f FlowRunFacts, got FlowRunDecision) {
	t.Helper()
	if got.Status != Accept || got.State == nil {
		return
	}
	want := f.Proposed.clone()
	want.Timestamp = got.State.Timestamp
	initial := f.Progress.State
	if f.Policy == FlowRunCore && initial != nil {
		if want.Details.DeploymentConcurrencyLeaseID == "" {
			want.Details.DeploymentConcurrencyLeaseID = initial.Details.DeploymentConcurrencyLeaseID
		}
		if initial.Type == Scheduled && want.Type == Pending && want.Details.ScheduledTime == nil {
			want.Details.ScheduledTime = initial.Details.ScheduledTime
		}
		if initial.Type == Pending && want.Type == Pending {
			want.Details.ScheduledTime = initial.Details.ScheduledTime
			want.Details.DeploymentConcurrencyLeaseID = initial.Details.DeploymentConcurrencyLeaseID
		}
	}
	if diff := gocmp.Diff(&want, got.State, exactly...); diff != "" {
		t.Errorf("the accepted state is not the proposed one (-want +got):\n%s", diff)
	}
}

// checkFlowTimes: states follow each other, and computed times can be written.
func checkFlowTimes(t *testing.T, f FlowRunFacts, got FlowRunDecision) {
	t.Helper()
	if got.State == nil {
		return
	}
	if initial := f.Progress.State; initial != nil && initial.Timestamp.Before(latest) && !got.State.Timestamp.After(initial.Timestamp) {
		t.Errorf("timestamp %s is not after %s", got.State.Timestamp, initial.Timestamp)
	}
	if at := got.State.Details.ScheduledTime; got.State.ID == f.NewID && at != nil && (at.Before(earliest) || at.After(latest)) {
		t.Errorf("the retry is at %s", at)
	}
}

// randomFlowFacts makes facts up; equal seeds make equal facts that share no memory.
func randomFlowFacts(seed uint64) FlowRunFacts {
	r := rand.New(rand.NewPCG(seed, 1))
	f := FlowRunFacts{
		ID: "run",
		Progress: FlowRunProgress{
			Progress: Progress{
				RunCount: pick(r, int64(0), 1, 2, 5, math.MaxInt64), ExpectedStartTime: randomTime(r),
				NextScheduledStartTime: randomTime(r), StartTime: randomTime(r), EndTime: randomTime(r),
				TotalRunTime: pick(r, 0, time.Hour, math.MaxInt64),
			},
			PauseKeys: pick(r, nil, []string{"p"}, []string{"a", "b"}), Resuming: r.IntN(2) == 0,
			RetryType:           pick(r, "", RetryInProcess, RetryReschedule),
			NonCountingAttempts: pick(r, int64(0), 1, 7),
		},
		Retries:         pick(r, nil, new(int64(-1)), new(int64(2)), new(int64(math.MaxInt64))),
		RetryDelay:      pick(r, nil, new(int64(30)), new(int64(math.MaxInt64)), new(int64(math.MinInt64))),
		ParentTaskRunID: pick(r, "", "placeholder"), HasInfrastructure: r.IntN(2) == 0, HasDeployment: r.IntN(2) == 0,
		Resume: r.IntN(3) == 0, Proposed: *randomState(r, "proposed"),
		Policy: pick(r, FlowRunCore, FlowRunCore, FlowRunCore, FlowRunMinimal, FlowRunLate),
		Now:    noon.Add(time.Duration(r.Int64N(1e9))), NewID: "new", NewPauseKey: "new-key",
	}
	if r.IntN(3) == 0 {
		f.Proposed.Type = Running
	}
	f.Proposed.Name = pick(r, f.Proposed.Name, NameSuspended, NameLate)
	f.Proposed.Details.TransitionID = pick(r, "", "", "t", "u")
	if r.IntN(10) > 0 {
		f.Progress.State = randomState(r, "initial")
		f.Progress.State.Details.TransitionID = pick(r, "", "t")
		f.Progress.State.Name = pick(r, f.Progress.State.Name, NameLate, NameResuming)
		f.Progress.State.Data = pick(r, f.Progress.State.Data, json.RawMessage(`{"storage_key":"k"}`))
		if r.IntN(3) == 0 {
			f.Progress.ExpectedStartTime = new(f.Progress.State.Timestamp)
		}
	}
	return f
}
