package flows_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

func TestCreate_setsDefaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t)
	if id, err := uuid.Parse(run.ID); err != nil || id.Version() != 7 {
		t.Errorf("id %s, want a UUIDv7", run.ID)
	}
	if words := strings.Split(run.Name, "-"); len(words) != 2 {
		t.Errorf("name %q, want two words", run.Name)
	}
	if string(run.Parameters) != "{}" || string(run.Context) != "{}" || !run.Created.Equal(start) || !run.Updated.Equal(start) {
		t.Errorf("parameters %s, context %s, created %s, updated %s", run.Parameters, run.Context, run.Created, run.Updated)
	}
	want := orchestration.State{
		ID: run.State.ID, Type: orchestration.Pending, Name: "Pending", Timestamp: start,
		Details: orchestration.StateDetails{Deferred: new(false)},
	}
	for _, got := range []*flowrun.Run{run, f.mustGet(t, run.ID)} {
		if diff := cmp.Diff(&want, got.State); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		if got.RunCount != 0 || !got.ExpectedStartTime.Equal(start) || got.StartTime != nil || len(got.History) != 0 {
			t.Errorf("progress %+v, want that of a PENDING run", got.FlowRunProgress)
		}
	}
	if diff := cmp.Diff([]string{" PENDING ACCEPT"}, f.told.list); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
}

func TestCreate_acceptsEveryFirstState(t *testing.T) {
	t.Parallel()
	for _, kind := range orchestration.StateTypes {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			run := f.mustCreate(t, inState(kind))
			if run.State.Type != kind || run.EndRecorded.IsZero() == kind.Terminal() {
				t.Errorf("state %s, end recorded at %s", run.State.Type, run.EndRecorded)
			}
			if count := int64(0); kind == orchestration.Running {
				count = 1
				if run.RunCount != count {
					t.Errorf("run count %d, want %d", run.RunCount, count)
				}
			}
			if due := run.NextScheduledStartTime; (due != nil && due.Equal(start)) != (kind == orchestration.Scheduled) {
				t.Errorf("next start %v, want now for SCHEDULED only", due)
			}
		})
	}
}

func TestCreate_keepsWhatTheClientSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	due := start.Add(time.Hour)
	run := f.mustCreate(t, inState(orchestration.Scheduled, func(p *taskrun.Proposal) { p.Details.ScheduledTime = &due }), func(in *flowrun.NewRun) {
		in.Run.Name = "mine"
		in.Run.Parameters = json.RawMessage(`{"a": 1.0}`)
		in.Run.PauseKeys, in.Run.Resuming, in.Run.RetryType = []string{"k"}, true, orchestration.RetryReschedule
	})
	got := f.mustGet(t, run.ID)
	if got.Name != "mine" || string(got.Parameters) != `{"a": 1.0}` || !got.NextScheduledStartTime.Equal(due) ||
		!cmp.Equal(got.PauseKeys, []string{"k"}) || !got.Resuming || got.RetryType != orchestration.RetryReschedule {
		t.Errorf("run %+v, want what was sent", got)
	}
}

func TestCreate_mergesLabels(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	flow, _, err := f.CreateFlow(t.Context(), flowrun.NewFlow{Name: "labelled", Labels: map[string]json.RawMessage{
		"of": json.RawMessage(`"flow"`), "both": json.RawMessage(`"flow"`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	run := f.mustCreate(t, func(in *flowrun.NewRun) {
		in.Run.FlowID = flow.ID
		in.Run.Labels = map[string]json.RawMessage{"both": json.RawMessage(`"run"`), "mine": json.RawMessage(`true`)}
	})
	want := map[string]json.RawMessage{
		"of": json.RawMessage(`"flow"`), "both": json.RawMessage(`"run"`), "mine": json.RawMessage(`true`),
		"prefect.flow.id": json.RawMessage(`"` + flow.ID + `"`),
	}
	if diff := cmp.Diff(want, run.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	task := f.mustCreateTask(t, run.ID, "1")
	want["prefect.flow-run.id"] = json.RawMessage(`"` + run.ID + `"`)
	if diff := cmp.Diff(want, task.Labels); diff != "" {
		t.Errorf("labels of a task run (-want +got):\n%s", diff)
	}
}

func TestCreate_rejectsUnknownParents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, edit := range map[string]func(*flowrun.NewRun){
		"a flow":     func(in *flowrun.NewRun) { in.Run.FlowID = unknownID },
		"a task run": withParent(unknownID),
	} {
		for _, key := range []func(*flowrun.NewRun){func(*flowrun.NewRun) {}, withKey("k")} {
			if _, _, err := f.Create(t.Context(), f.newRun(edit, key)); !errors.Is(err, taskrun.ErrUnknownParent) || errors.Is(err, taskrun.ErrNotFound) {
				t.Errorf("%s: error %v, want ErrUnknownParent", name, err)
			}
		}
	}
	if len(f.told.list) != 0 {
		t.Errorf("notifications %v, want none", f.told.list)
	}
}

func TestCreate_repeatedKeyReturnsFirstRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	placeholder := f.mustCreateTask(t, parent.ID, "1")
	first := f.mustCreate(t, withKey("k"), withParent(placeholder.ID), inState(orchestration.Running))
	f.mustSet(t, first.ID, orchestration.Completed)
	if err := f.tasks.Delete(t.Context(), placeholder.ID); err != nil {
		t.Fatal(err)
	}
	again, created, err := f.Create(t.Context(), f.newRun(withKey("k"), withParent(placeholder.ID), inState(orchestration.Failed), func(in *flowrun.NewRun) {
		in.Run.Name = "second"
	}))
	if err != nil || created || again.ID != first.ID || again.Name != first.Name || again.State.Type != orchestration.Completed {
		t.Errorf("second Create() = %+v, created %t, error %v, want the first run as it is", again, created, err)
	}
	if err = f.Delete(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if after := f.mustCreate(t, withKey("k")); len(after.History) != 0 || after.State.Type != orchestration.Pending {
		t.Errorf("after the deletion, the key has %+v, want a new run", after)
	}
}

func TestCreate_emptyKeyIsTakenOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustCreate(t, withKey(""))
	if _, _, err := f.Create(t.Context(), f.newRun(withKey(""))); !errors.Is(err, taskrun.ErrExists) {
		t.Errorf("second Create() with an empty key: error %v, want ErrExists", err)
	}
	if one, other := f.mustCreate(t), f.mustCreate(t); one.ID == other.ID {
		t.Error("two runs without a key have one id")
	}
}

func TestCreate_equalCallsOfTwoServicesAreOneRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	replicas := []*flows.Service{f.Service, f.second()}
	var all sync.WaitGroup
	runs, news := make([]*flowrun.Run, 50), make([]bool, 50)
	for i := range runs {
		all.Go(func() {
			var err error
			runs[i], news[i], err = replicas[i%2].Create(t.Context(), f.newRun(withKey("once")))
			if err != nil {
				t.Errorf("Create(): %v", err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	made := 0
	for i := range runs {
		if runs[i].ID != runs[0].ID || runs[i].State.ID != runs[0].State.ID {
			t.Errorf("run %s in state %s, others got %s in %s", runs[i].ID, runs[i].State.ID, runs[0].ID, runs[0].State.ID)
		}
		if news[i] {
			made++
		}
	}
	if made != 1 || len(f.told.list) != 1 {
		t.Errorf("%d calls created the run, with notifications %v, want 1 of each", made, f.told.list)
	}
}

// Whatever keys the creates of two replicas have, in whatever namespaces and flows, equal
// ones are one run and others are not.
func TestCreate_runsAreAsManyAsKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		other, _, err := f.CreateFlow(t.Context(), flowrun.NewFlow{Name: "other"})
		if err != nil {
			t.Fatal(err)
		}
		replicas := []*flows.Service{f.Service, f.second()}
		flowIDs := []string{f.flow.ID, other.ID}
		ids := map[string]string{} // by flow and key
		runs := 0
		for range rapid.IntRange(1, 20).Draw(t, "creates") {
			in := f.newRun()
			in.Run.FlowID = rapid.SampledFrom(flowIDs).Draw(t, "flow")
			keyed := rapid.Bool().Draw(t, "keyed")
			if keyed {
				in.Run.IdempotencyKey = new(rapid.SampledFrom([]string{"a", "b", "1:a", "ä"}).Draw(t, "key"))
			}
			run, created, err := rapid.SampledFrom(replicas).Draw(t, "replica").Create(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if created {
				runs++
			}
			if !keyed {
				continue
			}
			name := in.Run.FlowID + *in.Run.IdempotencyKey
			if known := ids[name]; created != (known == "") || (known != "" && known != run.ID) {
				t.Fatalf("key %s: run %s, created %t, the first was %q", name, run.ID, created, known)
			}
			ids[name] = run.ID
		}
		snapshot, err := f.store.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stored := 0
		for range snapshot.Runs() {
			stored++
		}
		if stored != runs {
			t.Fatalf("%d runs are stored, want %d", stored, runs)
		}
	})
}

func TestCreate_rejectsWhatCannotBeTruncated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	long := json.RawMessage(`{"a":"` + strings.Repeat("x", flowrun.MaxParameters) + `"}`)
	for field, edit := range map[string]func(*flowrun.NewRun){
		"idempotency_key": withKey(strings.Repeat("k", flowrun.MaxIdempotencyKey+1)),
		"parameters":      func(in *flowrun.NewRun) { in.Run.Parameters = long },
		"context":         func(in *flowrun.NewRun) { in.Run.Context = long },
		"job_variables":   func(in *flowrun.NewRun) { in.Run.JobVariables = long },
	} {
		_, _, err := f.Create(t.Context(), f.newRun(edit))
		if invalid, ok := errors.AsType[*taskrun.InvalidError](err); !ok || invalid.Field != field {
			t.Errorf("%s: error %v, want an InvalidError", field, err)
		}
	}
}

func TestCreate_truncatesWhatDescribes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	text := func(n int) *string { return new(strings.Repeat("x", n)) }
	run := f.mustCreate(t, func(in *flowrun.NewRun) {
		in.Run.Name, in.Run.FlowVersion, in.Run.InfrastructurePID = *text(3000), text(3000), text(3000)
		in.Run.WorkQueueName, in.Run.DeploymentVersion = text(3000), text(3000)
		in.Run.Policy.MaxRetries = strings.Repeat("9", 40)
		in.Run.CreatedBy = &flowrun.Creator{DisplayValue: *text(3000)}
		for i := range 200 {
			in.Run.Tags = append(in.Run.Tags, strconv.Itoa(i))
			in.Run.PauseKeys = append(in.Run.PauseKeys, strconv.Itoa(i))
		}
		in.Run.PauseKeys[199] = *text(3000)
	}, inState(orchestration.Pending, func(p *taskrun.Proposal) { p.Message = text(9000) }))
	const mark = "… [cut, 3000 characters in all]"
	got := map[string]bool{
		"name":    strings.HasSuffix(run.Name, mark) && len([]rune(run.Name)) == flowrun.MaxName,
		"version": strings.HasSuffix(*run.FlowVersion, mark), "pid": strings.HasSuffix(*run.InfrastructurePID, mark),
		"queue": strings.HasSuffix(*run.WorkQueueName, mark), "deployment version": strings.HasSuffix(*run.DeploymentVersion, mark),
		"creator": strings.HasSuffix(run.CreatedBy.DisplayValue, mark), "max retries": run.Policy.MaxRetries == "9007199254740991",
		"tags": len(run.Tags) == taskrun.MaxTags && run.Tags[taskrun.MaxTags-1] == "… [cut, 200 items in all]",
		"pause keys": len(run.PauseKeys) == flowrun.MaxPauseKeys && run.PauseKeys[0] == "136" &&
			strings.HasSuffix(run.PauseKeys[flowrun.MaxPauseKeys-1], mark),
		"message": strings.HasSuffix(*run.State.Message, "… [cut, 9000 characters in all]"),
	}
	for what, ok := range got {
		if !ok {
			t.Errorf("%s is not within its bound: %.200v", what, run)
		}
	}
}

func TestCreate_doesNotStoreUnpersistedResult(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Completed, func(p *taskrun.Proposal) { p.Data = json.RawMessage(`{"type":"unpersisted"}`) }))
	if run.State.Data != nil {
		t.Errorf("data %s, want none", run.State.Data)
	}
	kept := f.mustCreate(t, inState(orchestration.Completed, func(p *taskrun.Proposal) { p.Data = json.RawMessage(`{"storage_key":"k"}`) }))
	if string(kept.State.Data) != `{"storage_key":"k"}` {
		t.Errorf("data %s, want what was sent", kept.State.Data)
	}
}
