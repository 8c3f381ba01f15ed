//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// equalCreates is the number of concurrent creates of one run.
const equalCreates = 50

func testEqualCreates(t *testing.T, s taskrun.Store) {
	service := newService(s, testingclock.NewFakeClock(start))
	createAtOnce(t, []*usecase.Service{service})
	expectCount(t, s, 1)
}

// createAtOnce creates the same run through the services concurrently, and checks
// that all return the same run and that one of them created it.
func createAtOnce(t *testing.T, services []*usecase.Service) {
	t.Helper()
	type answer struct {
		run     *taskrun.Run
		created bool
		err     error
	}
	answers := make([]answer, equalCreates)
	var all sync.WaitGroup
	for i := range answers {
		service := services[i%len(services)]
		all.Go(func() {
			a := &answers[i]
			a.run, a.created, a.err = service.Create(t.Context(), taskrun.NewRun{
				Run: taskrun.Run{TaskKey: "k", DynamicKey: "once"},
			})
		})
	}
	all.Wait()
	made := 0
	for _, a := range answers {
		if a.err != nil {
			t.Fatalf("Create(): %v", a.err)
		}
		if a.created {
			made++
		}
		if a.run.ID != answers[0].run.ID || a.run.State.ID != answers[0].run.State.ID {
			t.Errorf("Create() = run %s in state %s, others got %s in %s",
				a.run.ID, a.run.State.ID, answers[0].run.ID, answers[0].run.State.ID)
		}
	}
	if made != 1 {
		t.Errorf("%d of %d creates say they made the run, want 1", made, equalCreates)
	}
}

func expectCount(t *testing.T, s taskrun.Store, want int) {
	t.Helper()
	if n, err := s.Count(t.Context(), taskrun.Filter{}); err != nil || n != want {
		t.Errorf("Count() = %d, error %v, want %d", n, err, want)
	}
}

func testConcurrentProposals(t *testing.T, s taskrun.Store) {
	service := newService(s, testingclock.NewFakeClock(start))
	run, _, err := service.Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{TaskKey: "k", DynamicKey: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	written := proposeAtOnce(t, []*usecase.Service{service}, run.ID)
	expectHistory(t, mustGet(t, s, run.ID), run.State.ID, written)
}

// The number of proposals of each proposer, and of proposers at each service.
const (
	proposals = 6
	proposers = 4
)

// proposeAtOnce proposes states for one run through all services, and returns
// those that were written according to the outcomes.
func proposeAtOnce(t *testing.T, services []*usecase.Service, id string) []orchestration.State {
	t.Helper()
	kinds := []orchestration.StateType{orchestration.Running, orchestration.Pending, orchestration.Paused}
	var (
		mu      sync.Mutex
		written []orchestration.State
		all     sync.WaitGroup
	)
	for i := range proposers * len(services) {
		service := services[i%len(services)]
		all.Go(func() {
			for j := range proposals {
				outcome, err := service.SetState(t.Context(), id, taskrun.Proposal{Type: kinds[(i+j)%len(kinds)]})
				if err != nil {
					t.Errorf("SetState(): %v", err)
					return
				}
				if outcome.Written {
					mu.Lock()
					written = append(written, *outcome.State)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if want := proposals * proposers * len(services); len(written) != want {
		t.Errorf("%d proposals were accepted, want all %d", len(written), want)
	}
	return written
}

// expectHistory checks that the run has exactly these states after its first one,
// each once, in the order of their times, and that its run count matches.
func expectHistory(t *testing.T, run *taskrun.Run, first string, written []orchestration.State) {
	t.Helper()
	states := run.States()
	want, got := []string{first}, []string{}
	running := int64(0)
	for _, state := range written {
		want = append(want, state.ID)
		if state.Type == orchestration.Running {
			running++
		}
	}
	for i, state := range states {
		got = append(got, state.ID)
		if i > 0 && !state.Timestamp.After(states[i-1].Timestamp) {
			t.Errorf("state %d is of %s, not after the one before it", i, state.Timestamp)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states of the run (-said to be written +kept):\n%s", diff)
	}
	if run.RunCount != running {
		t.Errorf("run count %d, want %d, the number of RUNNING states", run.RunCount, running)
	}
}
