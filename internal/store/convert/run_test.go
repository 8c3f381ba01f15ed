package convert

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const testUID = "11111111-2222-4333-8444-555555555555"

// overTheWire returns the object as an API server would return it.
func overTheWire(t *testing.T, o *v1alpha1.TaskRun) *v1alpha1.TaskRun {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	read := &v1alpha1.TaskRun{}
	if err := json.Unmarshal(text, read); err != nil {
		t.Fatalf("reading %s: %v", text, err)
	}
	return read
}

func stored(t *testing.T, run *taskrun.Run) *v1alpha1.TaskRun {
	t.Helper()
	object := ObjectFromRun(run, "default")
	object.UID, object.ResourceVersion, object.Generation = testUID, "7", 3
	object.CreationTimestamp = metav1.NewTime(run.Created.Truncate(time.Second))
	return overTheWire(t, object)
}

// differ compares runs without the fields that only a store sets. Missing tags
// and inputs are equal to empty ones.
func differ(want, got *taskrun.Run) string {
	lists := cmp.FilterPath(func(p cmp.Path) bool {
		last := p.Last().String()
		return last == ".Tags" || last == ".TaskInputs" || last == ".History"
	}, cmpopts.EquateEmpty())
	return cmp.Diff(want, got, lists, cmpopts.IgnoreFields(taskrun.Run{}, "Ref", "StatusStale", "CreatedViaREST"))
}

func TestNewRuns_surviveTheObject(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		m := storetest.NewRandom(seed, 1)
		run := m.Run()
		got := RunFromObject(stored(t, run))
		if diff := differ(run, got); diff != "" {
			t.Fatalf("seed %d (-run +read):\n%s", seed, diff)
		}
		want := taskrun.ObjectRef{UID: testUID, ResourceVersion: "7", Name: run.ID, Generation: 3, Asked: got.Ref.Asked}
		if got.Ref != want || !got.StatusStale || !got.CreatedViaREST {
			t.Fatalf("seed %d: revision %+v, behind %v, from a create %v", seed, got.Ref, got.StatusStale, got.CreatedViaREST)
		}
	}
}

func TestFromCreate_incompleteObjectIsNotFromACreate(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*v1alpha1.TaskRun){
		"the name of the run":         func(o *v1alpha1.TaskRun) { o.Spec.Name = "" },
		"the id":                      func(o *v1alpha1.TaskRun) { o.Spec.ID = "" },
		"the id equal to the name":    func(o *v1alpha1.TaskRun) { o.Name = "hello" },
		"the creation time":           func(o *v1alpha1.TaskRun) { o.Spec.Origin.CreatedTime = nil },
		"the first state":             func(o *v1alpha1.TaskRun) { o.Spec.InitialState = nil },
		"the id of the first state":   func(o *v1alpha1.TaskRun) { o.Spec.Origin.StateID = "" },
		"the time of the first state": func(o *v1alpha1.TaskRun) { o.Spec.Origin.StateTime = nil },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := stored(t, storetest.NewRandom(1, 1).Run())
			if !RunFromObject(object).CreatedViaREST {
				t.Fatal("an object made by Create is not recognised")
			}
			change(object)
			if RunFromObject(object).CreatedViaREST {
				t.Error("taken for one that Create made")
			}
		})
	}
}

func TestProgress_survivesTheStatus(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		m := storetest.NewRandom(seed, 2)
		run := m.Run()
		object := stored(t, run)
		m.Progress(run)
		run.Ref.Generation, run.Ref.Asked = 3, nameHash(object.Spec.Name)
		object.Status = StatusFromRun(run)
		got := RunFromObject(overTheWire(t, object))
		if diff := differ(run, got); diff != "" {
			t.Fatalf("seed %d (-run +read):\n%s", seed, diff)
		}
		if got.StatusStale {
			t.Fatalf("seed %d: behind after the status was written", seed)
		}
		if object.Generation++; !RunFromObject(object).StatusStale {
			t.Fatalf("seed %d: not behind after the spec was written", seed)
		}
	}
}

// The run of an own create equals the run that the watch delivers.
func TestCreated_isTheRunOfTheObject(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		m := storetest.NewRandom(seed, 5)
		run := m.Run()
		object := stored(t, run)
		if diff := cmp.Diff(RunFromObject(object), Created(run, object), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d (-read +Created):\n%s", seed, diff)
		}
		m.Progress(run) // as the events of a worker can: only the state is stored
		object = stored(t, run)
		if diff := cmp.Diff(RunFromObject(object), Created(run, object), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d, with progress (-read +Created):\n%s", seed, diff)
		}
		run.State.Timestamp = run.State.Timestamp.Add(7).In(time.FixedZone("", 3600))
		begun := taskrun.Begin(*run, *run.State)
		begun.Tags, begun.TaskInputs = []string{}, map[string][]taskrun.TaskInput{}
		object = stored(t, &begun)
		if diff := cmp.Diff(RunFromObject(object), Created(&begun, object), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d, with nanoseconds (-read +Created):\n%s", seed, diff)
		}
	}
}

// The run of an own write of the status equals the run that the watch delivers.
func TestWritten_isTheRunOfTheObject(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		m := storetest.NewRandom(seed, 6)
		run := m.Run()
		object := stored(t, run)
		if m.Flag() {
			m.Progress(run)
			object.Status = StatusFromRun(run)
		}
		base := RunFromObject(overTheWire(t, object))
		m.Progress(run)
		run.Ref = base.Ref
		run.Updated = base.Updated.Add(time.Second)
		if m.Flag() { // as a client can set times
			run.State.Timestamp = run.State.Timestamp.Add(7).In(time.FixedZone("", 3600))
			run.StartTime = new(run.State.Timestamp)
		}
		if base.Reported != nil {
			run.Reported = base.Reported // reported fields stay reported
		}
		written := &v1alpha1.TaskRun{ObjectMeta: object.ObjectMeta, Status: StatusFromRun(run)}
		written.ResourceVersion = "8"
		got := Written(base, run, written)
		object.ResourceVersion, object.Status = "8", written.Status
		if diff := cmp.Diff(RunFromObject(overTheWire(t, object)), got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d (-read +Written):\n%s", seed, diff)
		}
	}
}

func TestObjectFromRun_sharesNoWritableMemory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		fresh := func() *taskrun.Run {
			m := storetest.NewRandom(seed, 3)
			run := m.Run()
			m.Progress(run)
			return run
		}
		run, other := fresh(), storetest.NewRandom(seed, 4).Run()
		object := ObjectFromRun(run, "default")
		object.Status = StatusFromRun(run)
		answer, err := json.Marshal(ObjectFromRun(other, "default"))
		if err != nil {
			t.Fatal(err)
		}
		// An API client decodes the response into the object that was sent.
		if err := json.Unmarshal(answer, object); err != nil {
			t.Fatal(err)
		}
		status, err := json.Marshal(StatusFromRun(other))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(status, &object.Status); err != nil {
			t.Fatal(err)
		}
		if diff := differ(fresh(), run); diff != "" {
			t.Fatalf("seed %d: the answer was written into the run (-before +after):\n%s", seed, diff)
		}
	}
}

func TestRunFromObject_createdByAUser(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)
	exact := created.Add(123456 * time.Microsecond)
	object := func(change func(*v1alpha1.TaskRun)) *v1alpha1.TaskRun {
		o := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{
			Name: "hello", UID: testUID, CreationTimestamp: metav1.NewTime(created), ResourceVersion: "1", Generation: 1,
		}}
		o.Spec.TaskKey = new("greet")
		change(o)
		return o
	}
	cases := map[string]struct {
		change    func(*v1alpha1.TaskRun)
		wantID    string
		wantState orchestration.State
	}{
		"without a state it is PENDING from its creation on": {
			change: func(*v1alpha1.TaskRun) {},
			wantState: orchestration.State{
				Type: orchestration.Pending, Name: "Pending", Timestamp: created,
				Details: orchestration.StateDetails{Deferred: new(false)},
			},
		},
		"a state takes the exact time of creation": {
			change: func(o *v1alpha1.TaskRun) {
				o.Spec.Origin = &v1alpha1.Origin{CreatedTime: new(v1alpha1.NewMicroTime(exact))}
				o.Spec.InitialState = &v1alpha1.ProposedState{Type: "SCHEDULED", DataJSON: new(`"a text"`)}
			},
			wantState: orchestration.State{
				Type: orchestration.Scheduled, Name: "Scheduled", Timestamp: exact, Data: json.RawMessage(`"a text"`),
				Details: orchestration.StateDetails{ScheduledTime: &exact},
			},
		},
		"data that is not JSON is dropped with a message": {
			change: func(o *v1alpha1.TaskRun) {
				o.Spec.InitialState = &v1alpha1.ProposedState{Type: "COMPLETED", Message: new("done"), DataJSON: new(`{"a": b}`)}
			},
			wantState: orchestration.State{
				Type: orchestration.Completed, Name: "Completed", Timestamp: created,
				Message: new("done [dataJSON is not JSON, so the state has no data]"),
			},
		},
		"a run that a worker reported": {
			change: func(o *v1alpha1.TaskRun) {
				o.Spec.InitialState, o.Spec.Origin = &v1alpha1.ProposedState{Type: "RUNNING"}, &v1alpha1.Origin{Source: v1alpha1.SourceEvent}
			},
			wantState: orchestration.State{Type: orchestration.Running, Name: "Running", Timestamp: created, Reported: true},
		},
		"a state with its own id and time keeps both": {
			change: func(o *v1alpha1.TaskRun) {
				o.Spec.InitialState = &v1alpha1.ProposedState{Type: "COMPLETED", Name: new("")}
				o.Spec.Origin = &v1alpha1.Origin{
					StateID: "22222222-2222-4333-8444-555555555555", StateTime: new(v1alpha1.NewMicroTime(exact)),
				}
			},
			wantID: "22222222-2222-4333-8444-555555555555",
			wantState: orchestration.State{
				Type: orchestration.Completed, Timestamp: exact,
			},
		},
		"a status without a state does not count": {
			change: func(o *v1alpha1.TaskRun) { o.Status = v1alpha1.TaskRunStatus{ObservedGeneration: 1, RunCount: 9} },
			wantState: orchestration.State{
				Type: orchestration.Pending, Name: "Pending", Timestamp: created,
				Details: orchestration.StateDetails{Deferred: new(false)},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := RunFromObject(object(tc.change))
			tc.wantState.ID = tc.wantID
			if tc.wantID == "" {
				tc.wantState.ID = "e496b04e-db75-55ef-8175-054f735223d3"
			}
			want := taskrun.Begin(taskrun.Run{
				ID: testUID, Name: "hello", TaskKey: "greet", DynamicKey: "hello", StatusStale: true,
				Created: run.Created, Updated: run.Created,
			}, tc.wantState)
			if diff := differ(&want, run); diff != "" || !run.StatusStale {
				t.Errorf("behind %v (-want +got):\n%s", run.StatusStale, diff)
			}
			if diff := cmp.Diff(run, RunFromObject(overTheWire(t, object(tc.change)))); diff != "" {
				t.Errorf("another replica derives another run (-this +other):\n%s", diff)
			}
		})
	}
}

func TestFirstStateID_ofAnyUID(t *testing.T) {
	t.Parallel()
	seen := map[string]types.UID{}
	for _, uid := range []types.UID{testUID, "", "odd", "21111111-2222-4333-8444-555555555555"} {
		id := firstStateID(string(uid))
		if other, taken := seen[id]; taken || len(id) != 36 {
			t.Errorf("uid %q gets state id %q, as does %q", uid, id, other)
		}
		seen[id] = uid
	}
}

// A name from REST or the worker applies until the owner of the object changes
// the name that it replaced, regardless of times.
func TestName_nextNameOfTheOwnerTakesPrecedence(t *testing.T) {
	t.Parallel()
	overridden := func(o *v1alpha1.TaskRun, name string) {
		run := RunFromObject(o).Renamed(name, time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC))
		o.Status = StatusFromRun(run)
	}
	for name, tc := range map[string]struct {
		object, spec string // the names of the object and of its spec
		then         func(*v1alpha1.TaskRun)
		want         string
	}{
		"a rename":                           {"object", "given", func(*v1alpha1.TaskRun) {}, "told"},
		"a rename to the name of the object": {"object", "", func(*v1alpha1.TaskRun) {}, "told"},
		"another name in spec afterwards":    {"object", "given", func(o *v1alpha1.TaskRun) { o.Spec.Name = "owned" }, "owned"},
		"the first name in spec afterwards":  {"object", "", func(o *v1alpha1.TaskRun) { o.Spec.Name = "owned" }, "owned"},
		"the same name, set explicitly":      {"object", "", func(o *v1alpha1.TaskRun) { o.Spec.Name = "object" }, "told"},
		"no name in spec afterwards":         {"object", "given", func(o *v1alpha1.TaskRun) { o.Spec.Name = "" }, "object"},
		"other tags afterwards":              {"object", "given", func(o *v1alpha1.TaskRun) { o.Spec.Tags = []string{"x"} }, "told"},
		"another name, then a rename":        {"object", "given", func(o *v1alpha1.TaskRun) { o.Spec.Name = "owned"; overridden(o, "again") }, "again"},
		"another name and back, with a status in between": {"object", "given", func(o *v1alpha1.TaskRun) {
			o.Spec.Name = "owned"
			o.Status = StatusFromRun(RunFromObject(o))
			o.Spec.Name = "given"
		}, "given"},
		"a rename to the same name, then another name": {"object", "given", func(o *v1alpha1.TaskRun) {
			overridden(o, "given")
			o.Spec.Name = "owned"
		}, "owned"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: tc.object}}
			o.Spec.Name = tc.spec
			overridden(o, "told")
			if o.Spec.Name != tc.spec || o.Status.Name != "told" || o.Status.Effective.NameReplaces == "" {
				t.Errorf("spec.name is %q, status %+v", o.Spec.Name, o.Status)
			}
			tc.then(o)
			run := RunFromObject(overTheWire(t, o))
			if run.Name != tc.want {
				t.Errorf("name %q, want %q", run.Name, tc.want)
			}
			if got := StatusFromRun(run); got.Name != tc.want {
				t.Errorf("status.name %q, want %q", got.Name, tc.want)
			}
		})
	}
}

func TestUpdated_isTheLatestWrite(t *testing.T) {
	t.Parallel()
	at := func(second int) *v1alpha1.MicroTime {
		return new(v1alpha1.NewMicroTime(time.Date(2026, time.August, 21, 10, 0, second, 0, time.UTC)))
	}
	cases := map[string]struct {
		created, status *v1alpha1.MicroTime
		want            int
	}{
		"only created": {created: at(1), want: 1},
		"changed":      {created: at(1), status: at(7), want: 7},
		"a clock that stepped back does not decrease it": {created: at(4), status: at(3), want: 4},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &v1alpha1.TaskRun{Status: v1alpha1.TaskRunStatus{UpdatedTime: tc.status}}
			o.Spec.Origin = &v1alpha1.Origin{CreatedTime: tc.created}
			if got := RunFromObject(o).Updated; !got.Equal(at(tc.want).Time) {
				t.Errorf("updated %s, want second %d", got, tc.want)
			}
		})
	}
}

func TestObjectFromRun_smallRunIsASmallObject(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.August, 21, 10, 0, 0, 123456000, time.UTC)
	run := taskrun.Run{ID: testUID, Name: "n", TaskKey: "k", DynamicKey: "0", Created: at, Updated: at}
	run = taskrun.Begin(run, taskrun.Proposal{Type: orchestration.Pending}.State(testUID, at))
	text, err := json.Marshal(ObjectFromRun(&run, "default").Spec)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"id":%q,"name":"n","taskKey":"k","dynamicKey":"0","initialState":{"type":"PENDING"},`+
		`"origin":{"createdTime":"2026-08-21T10:00:00.123456Z","stateID":%q,"stateTime":"2026-08-21T10:00:00.123456Z"}}`, testUID, testUID)
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

// FuzzRunFromObject checks that every object has a run, the same each time, and
// that its status survives a write and a read.
func FuzzRunFromObject(f *testing.F) {
	for seed := range uint64(8) {
		m := storetest.NewRandom(seed, 5)
		run := m.Run()
		object := ObjectFromRun(run, "default")
		m.Progress(run)
		object.Status = StatusFromRun(run)
		text, err := json.Marshal(object)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"metadata":{"name":"x","uid":"y"},"spec":{"labels":{"a":null},"origin":{"wire":"{\"labels\":{\"b\":1.0}}"},"initialState":{"dataJSON":"{"}}}`))
	f.Add([]byte(`{"spec":{"origin":{"createdTime":"0000-01-01T00:00:00Z"},"cacheExpiration":"0001-01-01T00:00:00Z"},"status":{"state":{}}}`))
	f.Add([]byte(`{"spec":{"empiricalPolicy":{"retryDelay":[1,"2.0","x",{}]},"origin":{"wire":"{\"retry_delay\":{}}"}},"status":{"state":{},"decisions":[{}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if json.Unmarshal(text, &v1alpha1.TaskRun{}) != nil {
			return // not a valid object
		}
		read := func() *v1alpha1.TaskRun {
			object := &v1alpha1.TaskRun{}
			if err := json.Unmarshal(text, object); err != nil {
				t.Fatal(err)
			}
			return object
		}
		run := RunFromObject(read())
		if diff := cmp.Diff(run, RunFromObject(read())); diff != "" {
			t.Fatalf("read twice (-first +second):\n%s", diff)
		}
		object := read()
		object.Status = StatusFromRun(run)
		status, err := json.Marshal(object.Status)
		if err != nil {
			t.Fatalf("the status cannot be written: %v", err)
		}
		object.Status = v1alpha1.TaskRunStatus{}
		if err := json.Unmarshal(status, &object.Status); err != nil {
			t.Fatalf("the status cannot be read: %v", err)
		}
		again := RunFromObject(object)
		if diff := cmp.Diff(run.State, again.State); diff != "" {
			t.Fatalf("state (-derived +written):\n%s", diff)
		}
	})
}
