package objecttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Fleet creates objects like those of a busy cluster: each flow run has a hundred runs,
// most of them finished.
type Fleet struct {
	*rand.Rand

	Noon time.Time // approximate creation time of the runs
}

// NewFleet returns a Fleet. Each Fleet creates the same objects.
func NewFleet() Fleet {
	return Fleet{
		Rand: rand.New(rand.NewPCG(3, 1)), //nolint:gosec // the same objects in each test
		Noon: time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC),
	}
}

// id returns a UUID. UUIDs increase with time, as those of clients do.
func (f Fleet) id(at time.Time) string {
	return fmt.Sprintf("%012x", at.UnixMilli())[:8] + "-" + fmt.Sprintf("%012x", at.UnixMilli())[8:] +
		fmt.Sprintf("-7%03x-9%03x-%012x", f.IntN(1<<12), f.IntN(1<<12), f.Int64N(1<<48))
}

var fleetTags = [][]string{{"nightly", "etl"}, {"team:data", "prod"}, {"team:ml", "gpu"}, {"prod", "etl"}}

// fleetEnds lists the current states of the runs: one of ten is scheduled, one is
// running.
var fleetEnds = []orchestration.StateType{
	orchestration.Scheduled, orchestration.Running, orchestration.Failed, orchestration.Cancelled,
	orchestration.Completed, orchestration.Completed, orchestration.Completed, orchestration.Completed,
	orchestration.Completed, orchestration.Completed,
}

// run returns the i-th run, which has had three states after its first one.
func (f Fleet) run(i int) *taskrun.Run {
	created := f.Noon.Add(time.Duration(i)*37*time.Millisecond + time.Duration(f.IntN(1000))*time.Microsecond)
	run := taskrun.Run{
		ID: f.id(created), Created: created, Updated: created.Add(9 * time.Second),
		Name:       fmt.Sprintf("extract-page-%03x", f.IntN(1<<12)),
		FlowRunID:  fmt.Sprintf("0198a1b2-0000-7000-8000-%012x", i/100),
		TaskKey:    "extract_page-" + strconv.Itoa(10000000+i%20),
		DynamicKey: f.id(created),
		Tags:       fleetTags[i%len(fleetTags)],
		Policy:     taskrun.Policy{Retries: "3", RetryDelay: &taskrun.RetryDelay{Seconds: []string{"10"}}},
		TaskInputs: map[string][]taskrun.TaskInput{"page": {}},
		Labels:     map[string]json.RawMessage{"prefect.flow.id": json.RawMessage(fmt.Sprintf(`"0198a1b2-0000-7000-8000-%012x"`, i/1000))},
	}
	begun := taskrun.Begin(run, f.state(created, orchestration.Pending))
	begun.Ref = taskrun.ObjectRef{Generation: 1}
	path := []orchestration.StateType{orchestration.Running, orchestration.Pending, fleetEnds[f.IntN(len(fleetEnds))]}
	for step, kind := range path {
		at := created.Add(time.Duration(step+1) * 2 * time.Second)
		begun.History = append(begun.History, *begun.State)
		begun.State = new(f.state(at, kind))
	}
	f.count(&begun)
	return &begun
}

func (f Fleet) state(at time.Time, kind orchestration.StateType) orchestration.State {
	state := orchestration.State{
		ID: f.id(at), Type: kind, Name: kind.DefaultName(), Timestamp: at,
		Details: orchestration.StateDetails{Deferred: new(false), TransitionID: f.id(at)},
	}
	if kind.Terminal() {
		state.Message = new("Finished in state " + state.Name + "()")
	}
	return state
}

// count sets the fields that depend on the states.
func (f Fleet) count(run *taskrun.Run) {
	run.RunCount, run.FlowRunRunCount = 1, 1
	run.TotalRunTime = time.Duration(f.IntN(1e9)) * time.Microsecond
	run.StartTime = &run.History[1].Timestamp
	switch {
	case run.Finished():
		run.EndTime = &run.State.Timestamp
	case run.State.Type == orchestration.Scheduled:
		run.NextScheduledStartTime = new(run.State.Timestamp.Add(time.Minute))
	}
}

// Object returns the object of the i-th run as the watch delivers it: it shares no
// strings with other objects, as after decoding.
func (f Fleet) Object(tb testing.TB, i int) *v1alpha1.TaskRun {
	tb.Helper()
	run := f.run(i)
	o := convert.ObjectFromRun(run, "default")
	o.UID = types.UID(f.id(run.Created))
	o.ResourceVersion, o.Generation = strconv.Itoa(1000+i), 1
	o.CreationTimestamp = metav1.NewTime(run.Created.Truncate(time.Second))
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TaskRun"))
	o.Status = convert.StatusFromRun(run)
	return Copy(tb, o)
}

// Objects returns the objects of the first n runs.
func (f Fleet) Objects(tb testing.TB, n int) []*v1alpha1.TaskRun {
	tb.Helper()
	objects := make([]*v1alpha1.TaskRun, n)
	for i := range objects {
		objects[i] = f.Object(tb, i)
	}
	return objects
}
