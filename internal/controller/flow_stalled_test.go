package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// told returns the Events of a recorder.
func told(recorder *events.FakeRecorder) (notes []string) {
	for {
		select {
		case note := <-recorder.Events:
			notes = append(notes, note)
		default:
			return notes
		}
	}
}

// objects returns a client with these objects, which have a status.
func objects(t *testing.T, all ...client.Object) client.Client {
	t.Helper()
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(all...).WithObjects(all...).Build()
}

func TestFlowReconciler_stallsObjectsThatAreNotRuns(t *testing.T) {
	t.Parallel()
	run := func(name, uid, flow string) *flowrun.Run {
		return newFlowRun(func(run *flowrun.Run) {
			run.FlowID, run.StatusStale = flow, true
			run.Ref.Name, run.Ref.UID = name, uid
		})
	}
	duplicate := "spec.id " + runID + ` belongs to FlowRun "first", so this object is not a run. Delete it, or create it again with another spec.id.`
	const noFlow = `RegisteredFlow "etl" does not exist in this namespace. Until it does, this object is not a run.`
	cases := map[string]struct {
		object     *flowrun.Object
		first      *flowrun.Run // as it is now
		after      time.Duration
		wantReason string
		wantNote   string
		wantAfter  time.Duration
	}{
		"a duplicate of an id": {
			object: &flowrun.Object{Run: run("hello", "uid", object), Holder: run("first", "uid-of-first", object)}, first: run("first", "uid-of-first", object),
			after: time.Minute, wantReason: "DuplicateID", wantNote: duplicate, wantAfter: duplicateInterval,
		},
		"a duplicate of a run that was deleted recently": {
			object: &flowrun.Object{Run: run("hello", "uid", object), Holder: run("first", "uid-of-first", object)},
			after:  time.Minute, wantAfter: recheckDelay,
		},
		"an object without a flow": {
			object: &flowrun.Object{Run: run("hello", "uid", ""), FlowName: "etl"},
			after:  time.Minute, wantReason: "FlowNotFound", wantNote: noFlow, wantAfter: duplicateInterval,
		},
		"an object that was applied with its flow": {
			object: &flowrun.Object{Run: run("hello", "uid", ""), FlowName: "etl"},
			after:  time.Second, wantAfter: 4 * time.Second,
		},
		"an object that was created again": {
			object: &flowrun.Object{Run: run("hello", "older", ""), FlowName: "etl"},
			after:  time.Minute, wantAfter: duplicateInterval,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored := &v1alpha1.FlowRun{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "hello", UID: "uid", Generation: 1}}
			c, recorder := objects(t, stored), events.NewFakeRecorder(4)
			b := newFlowFixture(nil)
			b.Live, b.Writer, b.Events = c, c, recorder
			b.Object = func(_, name string) *flowrun.Object {
				switch {
				case name == "hello":
					return tc.object
				case tc.first == nil:
					return nil
				default:
					return &flowrun.Object{Run: tc.first}
				}
			}
			b.clock.SetTime(start.Add(tc.after))
			var wantEvents []string
			if tc.wantReason != "" {
				wantEvents = []string{"Warning " + tc.wantReason + " " + tc.wantNote}
			}
			for range 2 { // the second time, nothing is written
				result, err := b.reconcile(t)
				check(t, result, err, tc.wantAfter)
			}
			if diff := cmp.Diff(wantEvents, told(recorder)); diff != "" {
				t.Errorf("Events (-want +got):\n%s", diff)
			}
			got := &v1alpha1.FlowRun{}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(stored), got); err != nil {
				t.Fatal(err)
			}
			assertStalled(t, got.Status.Conditions, tc.wantReason, tc.wantNote)
			if tc.wantReason != "" && got.Status.ObservedGeneration != 1 {
				t.Errorf("observedGeneration %d, want 1", got.Status.ObservedGeneration)
			}
		})
	}
}

// assertStalled fails the test unless the condition Stalled has this reason and message; an
// empty reason: there is no condition.
func assertStalled(t *testing.T, conditions []metav1.Condition, reason, message string) {
	t.Helper()
	switch {
	case reason == "" && len(conditions) == 0:
	case len(conditions) != 1:
		t.Errorf("conditions %+v, want reason %q", conditions, reason)
	default:
		got := conditions[0]
		if got.Type != "Stalled" || got.Status != "True" || got.Reason != reason || got.Message != message || got.ObservedGeneration != 1 {
			t.Errorf("condition %+v, want Stalled with %q, %q", got, reason, message)
		}
	}
}

func TestFlowReconciler_emitsEventsOfDeadlines(t *testing.T) {
	t.Parallel()
	in := func(kind orchestration.StateType) *flowrun.Run {
		return newFlowRun(func(run *flowrun.Run) {
			run.State = newState(kind)
			run.State.Details.PauseTimeout, run.NextScheduledStartTime = &start, &start
		})
	}
	cases := map[string]struct {
		run       *flowrun.Run
		keyHolder *flowrun.Run
		want      []string
	}{
		"the end of a pause": {run: in(orchestration.Paused), want: []string{
			"Warning PauseTimedOut The flow run was not resumed before the timeout of its pause: state changed from PAUSED to FAILED",
		}},
		"the end of a cancellation": {run: in(orchestration.Cancelling), want: []string{
			"Warning CancellationTimedOut The process of the flow run did not confirm its cancellation in time: state changed from CANCELLING to CANCELLED",
		}},
		"a late run": {run: in(orchestration.Scheduled), want: []string{
			"Warning Late The flow run was not started at its time: state changed from SCHEDULED to SCHEDULED (Late)",
		}},
		"no event of a running run": {run: in(orchestration.Running)},
		"a duplicate of a key": {
			run: newFlowRun(func(run *flowrun.Run) { run.StatusStale = true }), keyHolder: newFlowRun(func(run *flowrun.Run) { run.Ref.Name = "first" }),
			want: []string{`Warning DuplicateKey spec.idempotencyKey belongs to FlowRun "first" of the same flow. REST returns that run for the key. Use another key.`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, recorder := newFlowFixture(tc.run), events.NewFakeRecorder(4)
			b.Events = recorder
			b.Object = func(string, string) *flowrun.Object { return &flowrun.Object{Run: b.runs.run, KeyHolder: tc.keyHolder} }
			b.clock.SetTime(start.Add(time.Hour))
			for range 2 { // the second time, nothing changes
				if _, err := b.reconcile(t); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, told(recorder)); diff != "" {
				t.Errorf("Events (-want +got):\n%s", diff)
			}
		})
	}
}

// A client can be faster than the deadline: then there is no event about the deadline.
func TestFlowReconciler_emitsNoEventAboutTheStateOfAClient(t *testing.T) {
	t.Parallel()
	recorder := events.NewFakeRecorder(1)
	b := newFlowFixture(nil)
	b.Events = recorder
	before := newFlowRun(func(run *flowrun.Run) { run.State = newState(orchestration.Paused) })
	for _, after := range []*flowrun.Run{before, newFlowRun(func(run *flowrun.Run) { run.State = newState(orchestration.Running) })} {
		b.emitDeadline(&flowScope{run: before}, after, pauseTimedOut)
	}
	if got := told(recorder); got != nil {
		t.Errorf("Events %q, want none", got)
	}
}

func TestRegisteredFlowReconciler(t *testing.T) {
	t.Parallel()
	stalled := []metav1.Condition{{Type: "Stalled", Status: "True", Reason: "DuplicateName", ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(start)}}
	cases := map[string]struct {
		holder     *flowrun.Flow
		unknown    bool // to the index
		conditions []metav1.Condition
		after      time.Duration
		wantAfter  time.Duration
		wantName   string // in status
		wantReason string
		wantNote   string
	}{
		"a new flow":                            {after: time.Minute, wantName: "etl"},
		"a flow that was created just now":      {after: 100 * time.Millisecond, wantAfter: 400 * time.Millisecond},
		"an object that the index lacks":        {unknown: true, after: time.Minute, wantAfter: recheckDelay},
		"an object that has become a flow":      {conditions: stalled, after: time.Minute, wantName: "etl"},
		"a second object of a name":             {holder: &flowrun.Flow{Name: "etl", Ref: taskrun.ObjectRef{Name: "etl-1"}}, after: time.Minute, wantAfter: duplicateInterval, wantReason: "DuplicateName", wantNote: `The flow name etl belongs to RegisteredFlow "etl-1", so this object is not a flow. Delete it, or create it again with another spec.name.`},
		"a second object of an id":              {holder: &flowrun.Flow{ID: runID, Name: "other", Ref: taskrun.ObjectRef{Name: "other"}}, after: time.Minute, wantAfter: duplicateInterval, wantReason: "DuplicateID", wantNote: "The id " + runID + ` belongs to RegisteredFlow "other", so this object is not a flow. Delete it, or create it again with another spec.id.`},
		"a second object that was stalled then": {holder: &flowrun.Flow{ID: runID, Name: "other", Ref: taskrun.ObjectRef{Name: "other"}}, conditions: stalled, after: time.Minute, wantAfter: duplicateInterval, wantReason: "DuplicateID", wantNote: "The id " + runID + ` belongs to RegisteredFlow "other", so this object is not a flow. Delete it, or create it again with another spec.id.`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored := &v1alpha1.RegisteredFlow{ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: "etl", UID: "uid", Generation: 1, CreationTimestamp: metav1.NewTime(start),
			}}
			stored.Status.Conditions = tc.conditions
			c, recorder, b := objects(t, stored), events.NewFakeRecorder(4), newFlowFixture(nil)
			b.clock.SetTime(start.Add(tc.after))
			r := &RegisteredFlowReconciler{
				Options: DefaultOptions(), Objects: c, Writer: c, Clock: b.clock, Events: recorder,
				Holder:      func(string, string) (*flowrun.Flow, bool) { return tc.holder, !tc.unknown },
				Observe:     func(o *v1alpha1.RegisteredFlow) { o.Status.ObservedGeneration, o.Status.Name = o.Generation, o.Name },
				Undecodable: func(metav1.Object) bool { return false },
			}
			var version string
			got := &v1alpha1.RegisteredFlow{}
			for i := range 2 {
				result, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: "etl"}})
				check(t, result, err, tc.wantAfter)
				if err := c.Get(t.Context(), client.ObjectKeyFromObject(stored), got); err != nil {
					t.Fatal(err)
				}
				if i > 0 && got.ResourceVersion != version {
					t.Error("the second reconciliation has written")
				}
				version = got.ResourceVersion
			}
			assertStalled(t, got.Status.Conditions, tc.wantReason, tc.wantNote)
			if got.Status.Name != tc.wantName {
				t.Errorf("status.name %q, want %q", got.Status.Name, tc.wantName)
			}
			if n := len(told(recorder)); (n == 1) != (tc.wantReason != "") {
				t.Errorf("%d Events", n)
			}
		})
	}
}

func TestRegisteredFlowReconciler_returnsErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := &RegisteredFlowReconciler{Objects: failingReader{err: broken}}
	if _, err := r.Reconcile(t.Context(), reconcile.Request{}); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}
