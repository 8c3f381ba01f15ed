// Package storetest is the contract of taskrun.Store in the form of tests. Every
// store passes them, so results of tests with the fast store are also valid for
// the slow one.
package storetest

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Run tests a store. open returns an empty store at each call.
func Run(t *testing.T, open func(t *testing.T) taskrun.Store) {
	t.Helper()
	tests := map[string]func(t *testing.T, s taskrun.Store){
		"a store is ready":                                          testReady,
		"what is not there is not found":                            testNotFound,
		"creating does not change the caller's run":                 testCreateLeavesArgument,
		"an id that is taken gets the run that has it":              testCreateTaken,
		"a run is created for a worker":                             testCreateForWorker,
		"equal creates at the same time make one run":               testEqualCreates,
		"progress is read back field by field":                      testProgress,
		"writing progress changes nothing else":                     testProgressOnly,
		"progress on top of an older version is refused":            testStaleProgress,
		"a run once read does not change":                           testReadRunsAreStable,
		"what a worker reports is read back":                        testReported,
		"a run is found by the keys that a worker reports":          testReportedKey,
		"a state is found as long as the run keeps it":              testState,
		"a rename changes the name and the time of the last write":  testRename,
		"a deleted run is gone from every read":                     testDelete,
		"a delete of an older version is refused":                   testDeleteRevision,
		"a run made again has nothing of the deleted one":           testMadeAgain,
		"of two runs of one key, either is found while it is there": testSharedKey,
		"every sort orders and pages the runs":                      testSorts,
		"pages put together are all runs, sorted":                   testPages,
		"filters choose the runs":                                   testFilters,
		"reads of many runs end with their context":                 testEndedContext,
		"each write is seen by the next read":                       testReadYourWrites,
		"the cache has what completed runs left":                    testCache,
		"no state is lost among concurrent proposals":               testConcurrentProposals,
		"no state is lost for what is too long":                     Oversize,
		"the time to live counts from when the end was recorded":    testExpiry,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	t.Run("a new run is read back field by field", func(t *testing.T) {
		t.Parallel()
		testRoundTrips(t, open)
	})
}

// start is the creation time of the runs, to the microsecond.
var start = time.Date(2026, time.August, 21, 10, 0, 0, 123456000, time.UTC)

func newService(s taskrun.Store, c clock.PassiveClock) *usecase.Service {
	return usecase.New(usecase.Options{Namespace: "default", Store: s, Clock: c})
}

// runID and stateID return ids that sort by number.
func runID(n int) string   { return fmt.Sprintf("0198a1b2-0000-7000-8000-%012x", n) }
func stateID(n int) string { return fmt.Sprintf("0198a1b2-0000-7000-9000-%012x", n) }

// begun returns the nth run of a test in its initial state.
func begun(n int, initial taskrun.Proposal, change func(*taskrun.Run)) *taskrun.Run {
	run := taskrun.Run{
		ID: runID(n), Name: fmt.Sprintf("run-%d", n), TaskKey: "add-1a2b3c4d", DynamicKey: strconv.Itoa(n),
		Created: start, Updated: start, StatusStale: true, CreatedViaREST: true,
	}
	if change != nil {
		change(&run)
	}
	run = taskrun.Begin(run, initial.State(stateID(n), run.Created))
	return &run
}

func pending() taskrun.Proposal { return taskrun.Proposal{Type: orchestration.Pending} }

func mustCreate(t *testing.T, s taskrun.Store, run *taskrun.Run) *taskrun.Run {
	t.Helper()
	created, err := s.Create(t.Context(), run)
	if err != nil {
		t.Fatalf("Create(%s): %v", run.ID, err)
	}
	return created
}

func mustGet(t *testing.T, s taskrun.Store, id string) *taskrun.Run {
	t.Helper()
	run, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("Get(%s): %v", id, err)
	}
	return run
}

func mustUpdate(t *testing.T, s taskrun.Store, run *taskrun.Run) *taskrun.Run {
	t.Helper()
	updated, err := s.UpdateProgress(t.Context(), run)
	if err != nil {
		t.Fatalf("UpdateProgress(%s): %v", run.ID, err)
	}
	return updated
}

// moved returns the run in a further state, as after a transition.
func moved(run *taskrun.Run, id string, kind orchestration.StateType) *taskrun.Run {
	next := *run
	at := run.State.Timestamp.Add(time.Second)
	next.Progress = orchestration.Decide(orchestration.Facts{
		Run:      orchestration.Run{ID: run.ID, Progress: run.Progress},
		Proposed: taskrun.Proposal{Type: kind}.State(id, at),
		Force:    true, Now: at, NewID: id,
	}).Progress
	next.History = run.States()
	next.Updated = at
	return &next
}

// differ compares two runs without the fields of the store: the reference and
// the digest of a proposal. Missing tags, inputs or past states are equal to
// empty ones; all other missing values differ from empty ones.
func differ(want, got *taskrun.Run) string {
	lists := cmp.FilterPath(func(p cmp.Path) bool {
		switch p.Last().String() {
		case ".Tags", ".TaskInputs", ".History":
			return true
		default:
			return false
		}
	}, cmpopts.EquateEmpty())
	return cmp.Diff(want, got, lists, cmpopts.IgnoreFields(taskrun.Run{}, "Ref"))
}

func ids(runs []*taskrun.Run) []string {
	all := []string{}
	for _, run := range runs {
		all = append(all, run.ID)
	}
	return all
}
