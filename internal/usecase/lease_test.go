package usecase_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

const parameters = "0198a1b2-0000-7000-8000-0000000000aa"

// transitions keeps the types of the states that it was notified of.
type transitions struct{ types []orchestration.StateType }

func (n *transitions) Transitioned(_, after *taskrun.Run, _ orchestration.Decision) {
	n.types = append(n.types, after.State.Type)
}

// leasing is a service with a background run.
type leasing struct {
	*usecase.Service
	t        *testing.T
	clock    *testingclock.FakeClock
	notified *transitions
	id       string
}

func newLeasing(t *testing.T, edits ...func(*taskrun.NewRun)) *leasing {
	t.Helper()
	clock := testingclock.NewFakeClock(start)
	l := &leasing{t: t, clock: clock, notified: &transitions{}}
	l.Service = usecase.New(usecase.Options{
		Namespace: "default", Store: memory.NewWithClock(clock), Clock: clock, Notifier: l.notified,
	})
	in := newRun("k")
	in.State = &taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{
		Deferred: new(true), ScheduledTime: new(start), TaskParametersID: parameters,
	}}
	for _, edit := range edits {
		edit(&in)
	}
	l.id = mustCreate(t, l.Service, in).ID
	l.notified.types = nil
	return l
}

func (l *leasing) run() *taskrun.Run {
	l.t.Helper()
	run, err := l.Get(l.t.Context(), l.id)
	if err != nil {
		l.t.Fatal(err)
	}
	return run
}

func (l *leasing) lease(worker string) *taskrun.Run {
	l.t.Helper()
	run, err := l.Lease(l.t.Context(), l.id, taskrun.Hold{Worker: worker, LeaseNamespace: "ours"})
	if err != nil {
		l.t.Fatal(err)
	}
	return run
}

func (l *leasing) release(worker string) {
	l.t.Helper()
	if err := l.Release(l.t.Context(), l.id, worker); err != nil {
		l.t.Fatal(err)
	}
}

func (l *leasing) set(kind orchestration.StateType, edits ...func(*taskrun.Proposal)) {
	l.t.Helper()
	p := taskrun.Proposal{Type: kind, Force: true}
	for _, edit := range edits {
		edit(&p)
	}
	mustSet(l.t, l.Service, l.id, p)
	l.notified.types = nil
}

func (l *leasing) wantDelivery(what string, want *taskrun.Delivery) {
	l.t.Helper()
	if diff := cmp.Diff(want, l.run().Delivery); diff != "" {
		l.t.Errorf("delivery %s (-want +got):\n%s", what, diff)
	}
}

func TestLease_countsAttemptsAndKeepsPreviousHolder(t *testing.T) {
	t.Parallel()
	l := newLeasing(t)
	first := l.lease("first")
	since := first.Delivery.Since
	l.wantDelivery("to the first", &taskrun.Delivery{Holder: "first", LeaseNamespace: "ours", Since: since, Attempts: 1})
	if _, err := l.Lease(t.Context(), l.id, taskrun.Hold{Worker: "second"}); !errors.Is(err, usecase.ErrNotWaiting) {
		t.Errorf("second lease: %v, want ErrNotWaiting", err)
	}
	l.release("second")
	l.wantDelivery("after another worker gave it back", &taskrun.Delivery{Holder: "first", LeaseNamespace: "ours", Since: since, Attempts: 1})
	l.release("first")
	l.wantDelivery("after its release", &taskrun.Delivery{PreviousHolder: "first", Since: since, Attempts: 1})
	l.clock.Step(time.Second)
	again := l.lease("second")
	l.wantDelivery("to the second", &taskrun.Delivery{
		Holder: "second", LeaseNamespace: "ours", PreviousHolder: "first", Since: again.Delivery.Since, Attempts: 2,
	})
	if !again.Delivery.Since.After(since) {
		t.Errorf("held since %s, want after %s", again.Delivery.Since, since)
	}
	l.release("second")
	if got := l.run().Delivery.PreviousHolder; got != "first" {
		t.Errorf("previous holder %q, want the one that may have worked on it", got)
	}
}

func TestLease_rejectsRunBeforeItsScheduledTime(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after time.Duration // the scheduled time
		want  error
	}{
		"before its time": {-time.Microsecond, usecase.ErrNotWaiting},
		"at its time":     {0, nil},
		"after its time":  {time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			due := start.Add(time.Hour)
			l := newLeasing(t, func(in *taskrun.NewRun) { in.State.Details.ScheduledTime = &due })
			l.clock.SetTime(due.Add(tt.after))
			if _, err := l.Lease(t.Context(), l.id, taskrun.Hold{Worker: "w"}); !errors.Is(err, tt.want) {
				t.Errorf("Lease(): %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRelease_keepsHolderOfStartedRun(t *testing.T) {
	t.Parallel()
	l := newLeasing(t)
	l.lease("w")
	l.set(orchestration.Running)
	l.release("w")
	if got := l.run().Holder(); got != "w" {
		t.Errorf("holder %q, want w", got)
	}
	if err := l.Release(t.Context(), otherRun, "w"); err != nil {
		t.Errorf("a run that was deleted: %v", err)
	}
}

func TestMoveHold_changesLeaseNamespaceOfHolder(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		state     orchestration.StateType // None: as it was leased
		to        taskrun.Hold
		want      taskrun.Hold
		wantWrite bool
	}{
		"the worker connects to another operator":     {to: taskrun.Hold{Worker: "w", LeaseNamespace: "theirs"}, want: taskrun.Hold{Worker: "w", LeaseNamespace: "theirs"}, wantWrite: true},
		"the same while the run is running":           {state: orchestration.Running, to: taskrun.Hold{Worker: "w", LeaseNamespace: "theirs"}, want: taskrun.Hold{Worker: "w", LeaseNamespace: "theirs"}, wantWrite: true},
		"the hold is already recorded":                {to: taskrun.Hold{Worker: "w", LeaseNamespace: "ours"}, want: taskrun.Hold{Worker: "w", LeaseNamespace: "ours"}},
		"another worker connects to another operator": {to: taskrun.Hold{Worker: "v", LeaseNamespace: "theirs"}, want: taskrun.Hold{Worker: "w", LeaseNamespace: "ours"}},
		"the run has finished":                        {state: orchestration.Completed, to: taskrun.Hold{Worker: "w", LeaseNamespace: "theirs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeasing(t)
			l.lease("w")
			if tt.state != orchestration.None {
				l.set(tt.state)
			}
			before := l.run()
			if err := l.RecordLeaseNamespace(t.Context(), l.id, tt.to); err != nil {
				t.Fatal(err)
			}
			after := l.run()
			if wrote := after.Ref != before.Ref; after.Hold() != tt.want || wrote != tt.wantWrite {
				t.Errorf("hold %+v, written %t, want %+v, %t", after.Hold(), wrote, tt.want, tt.wantWrite)
			}
			if after.Delivery.Attempts != 1 || after.Delivery.Since != before.Delivery.Since {
				t.Errorf("delivery %+v, want that of before", after.Delivery)
			}
		})
	}
	if err := newLeasing(t).RecordLeaseNamespace(t.Context(), otherRun, taskrun.Hold{Worker: "w"}); err != nil {
		t.Errorf("a run that was deleted: %v", err)
	}
}

// awaitsRetry returns the event of a worker that will retry the run by itself. It does not name the
// parameters.
func (l *leasing) awaitsRetry(at time.Time) {
	l.t.Helper()
	err := l.Record(l.t.Context(), []taskrun.Event{{RunID: l.id, State: orchestration.State{
		ID: "0198a1b2-0000-7000-8000-0000000000bb", Type: orchestration.Scheduled, Name: "AwaitingRetry",
		Timestamp: l.clock.Now(), Details: orchestration.StateDetails{ScheduledTime: &at},
	}}}, func(_ taskrun.Event, err error) { l.t.Error(err) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.notified.types = nil
}

func TestAbandon_reschedulesOrCrashesRun(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Hour)
	retries := func(in *taskrun.NewRun) { in.Run.Policy.Retries = "1" }
	state := func(kind orchestration.StateType) func(*leasing) { return func(l *leasing) { l.set(kind) } }
	for name, tt := range map[string]struct {
		edit     func(*taskrun.NewRun)
		use      func(*leasing)
		attempts int // allowed deliveries
		want     string
		moved    bool
		message  string // part of the message
		due      time.Time
	}{
		"a run that is not started waits again":                 {attempts: 2, want: "SCHEDULED Scheduled", due: start},
		"a run that is not started crashes at the last attempt": {attempts: 1, want: "CRASHED Crashed", moved: true, message: "The run was delivered once and not started."},
		"a pending run is scheduled again":                      {use: state(orchestration.Pending), attempts: 2, want: "SCHEDULED Scheduled", moved: true, message: "redelivered"},
		"a pending run crashes at the last attempt":             {use: state(orchestration.Pending), attempts: 1, want: "CRASHED Crashed", moved: true, message: "The run was delivered once and not started."},
		"a running run crashes":                                 {use: state(orchestration.Running), attempts: 2, want: "CRASHED Crashed", moved: true, message: "was lost while it executed the run."},
		"a running run crashes at the last attempt":             {use: state(orchestration.Running), attempts: 1, want: "CRASHED Crashed", moved: true, message: "was lost while it executed the run."},
		"a running run with a retry left awaits it":             {edit: retries, use: state(orchestration.Running), attempts: 2, want: "SCHEDULED AwaitingRetry", moved: true, message: "was lost while it executed the run."},
		"a cancelling run is cancelled":                         {use: state(orchestration.Cancelling), attempts: 2, want: "CANCELLED Cancelled", moved: true, message: "was lost while it cancelled the run."},
		"a run that awaits its retry keeps its name and time":   {use: func(l *leasing) { l.awaitsRetry(later) }, attempts: 2, want: "SCHEDULED AwaitingRetry", moved: true, due: later},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edits := []func(*taskrun.NewRun){}
			if tt.edit != nil {
				edits = append(edits, tt.edit)
			}
			l := newLeasing(t, edits...)
			l.lease("w")
			if tt.use != nil {
				tt.use(l)
			}
			before := l.run()
			loss, err := l.Abandon(t.Context(), l.id, taskrun.Hold{Worker: "w", LeaseNamespace: "ours"}, tt.attempts)
			if err != nil || loss == nil {
				t.Fatalf("loss %+v, error %v", loss, err)
			}
			run := l.run()
			if loss.Worker != "w" || loss.Before != before.State.Type || loss.Moved != tt.moved || loss.Run.Ref != run.Ref {
				t.Errorf("loss %+v of a run in %s, want moved %t", loss, before.State.Type, tt.moved)
			}
			if got := string(run.State.Type) + " " + run.State.Name; got != tt.want || (run.State.ID != before.State.ID) != tt.moved {
				t.Errorf("state %s, want %s", got, tt.want)
			}
			if message := run.State.Message; tt.message != "" && (message == nil || !strings.Contains(*message, tt.message) || !strings.HasPrefix(*message, "The worker w ")) {
				t.Errorf("message %v, want %q", message, tt.message)
			}
			wantNotified := 0
			if tt.moved {
				wantNotified = 1
			}
			if len(l.notified.types) != wantNotified {
				t.Errorf("notified of %v, want %d", l.notified.types, wantNotified)
			}
			if d := run.Delivery; d.Holder != "" || d.PreviousHolder != "w" || d.Attempts != 1 {
				t.Errorf("delivery %+v, want one attempt of w that is over", d)
			}
			if run.State.Type == orchestration.Scheduled {
				wantWaiting(t, run, tt.due)
			}
		})
	}
}

// wantWaiting checks that another worker can run the run, from the given time on if there is one.
func wantWaiting(t *testing.T, run *taskrun.Run, due time.Time) {
	t.Helper()
	if id, background := run.Submission(); !run.Waiting() || id != parameters || !background || run.State.Details.TaskParametersID != parameters {
		t.Errorf("waiting %t with parameters %q, in state %+v", run.Waiting(), id, run.State)
	}
	if !due.IsZero() && !run.Due().Equal(due) {
		t.Errorf("due %s, want %s", run.Due(), due)
	}
}

func TestAbandon_ignoresEndedHold(t *testing.T) {
	t.Parallel()
	ours := taskrun.Hold{Worker: "w", LeaseNamespace: "ours"}
	for name, tt := range map[string]struct {
		use  func(*leasing)
		from taskrun.Hold
	}{
		"no worker holds the run":                     {func(l *leasing) { l.release("w") }, ours},
		"another worker holds the run":                {func(*leasing) {}, taskrun.Hold{Worker: "v", LeaseNamespace: "ours"}},
		"the worker is connected to another operator": {func(*leasing) {}, taskrun.Hold{Worker: "w", LeaseNamespace: "theirs"}},
		"the run has finished":                        {func(l *leasing) { l.set(orchestration.Completed) }, ours},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeasing(t)
			l.lease("w")
			tt.use(l)
			before := l.run()
			loss, err := l.Abandon(t.Context(), l.id, tt.from, 5)
			if err != nil || loss != nil || l.run().Ref != before.Ref || len(l.notified.types) != 0 {
				t.Errorf("loss %+v, error %v, notified of %v, want nothing", loss, err, l.notified.types)
			}
		})
	}
	if loss, err := newLeasing(t).Abandon(t.Context(), otherRun, ours, 5); err != nil || loss != nil {
		t.Errorf("a run that was deleted: loss %+v, error %v", loss, err)
	}
}

func TestSetState_endsOrKeepsHold(t *testing.T) {
	t.Parallel()
	deferred := func(p *taskrun.Proposal) { p.Details.Deferred = new(true) }
	for name, tt := range map[string]struct {
		kind  orchestration.StateType
		edits []func(*taskrun.Proposal)
		want  *taskrun.Delivery // without its time; nil: none
	}{
		"a finished run has no holder":   {kind: orchestration.Failed, want: &taskrun.Delivery{PreviousHolder: "w", Attempts: 1}},
		"a running run keeps its holder": {kind: orchestration.Running, want: &taskrun.Delivery{Holder: "w", LeaseNamespace: "ours", Attempts: 1}},
		"a run that its worker schedules again keeps its holder": {
			kind: orchestration.Scheduled, want: &taskrun.Delivery{Holder: "w", LeaseNamespace: "ours", Attempts: 1},
		},
		"a run that is submitted again has no holder": {kind: orchestration.Scheduled, edits: []func(*taskrun.Proposal){deferred}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeasing(t)
			l.lease("w")
			l.set(tt.kind, tt.edits...)
			got := l.run().Delivery
			if got != nil {
				got = new(*got)
				got.Since = time.Time{}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("delivery (-want +got):\n%s", diff)
			}
		})
	}
}
