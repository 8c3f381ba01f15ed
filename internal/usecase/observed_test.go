package usecase_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestObservedStates_mergesStatesOfAllRuns(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	state := func(kind orchestration.StateType, name string, seconds int) orchestration.State {
		return orchestration.State{Type: kind, Name: name, Timestamp: at(seconds)}
	}
	for i, states := range [][]orchestration.State{
		{state(orchestration.Pending, "Pending", 1), state(orchestration.Running, "Running", 5), state(orchestration.Failed, "Failed", 6)},
		{state(orchestration.Pending, "Pending", 3), state(orchestration.Running, "Running", 4)},
		{state(orchestration.Failed, "\u00c9chec", 6)},
		{},
	} {
		run := &taskrun.Run{ID: strconv.Itoa(i)}
		if last := len(states) - 1; last >= 0 {
			run.State, run.History = &states[last], states[:last]
		}
		if _, err := store.Create(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	pending := taskrun.ObservedState{Type: orchestration.Pending, Name: "Pending", FirstSeen: at(1), LastSeen: at(3)}
	running := taskrun.ObservedState{Type: orchestration.Running, Name: "Running", FirstSeen: at(4), LastSeen: at(5)}
	failed := taskrun.ObservedState{Type: orchestration.Failed, Name: "Failed", FirstSeen: at(6), LastSeen: at(6)}
	other := taskrun.ObservedState{Type: orchestration.Failed, Name: "\u00c9chec", FirstSeen: at(6), LastSeen: at(6)}
	for name, tc := range map[string]struct {
		query taskrun.ObservedQuery
		want  []taskrun.ObservedState
	}{
		"the latest first, then by name":   {taskrun.ObservedQuery{Limit: 9}, []taskrun.ObservedState{failed, other, running, pending}},
		"by type and name":                 {taskrun.ObservedQuery{Limit: 9, ByName: true}, []taskrun.ObservedState{failed, other, pending, running}},
		"limited":                          {taskrun.ObservedQuery{Limit: 2}, []taskrun.ObservedState{failed, other}},
		"none":                             {taskrun.ObservedQuery{}, []taskrun.ObservedState{}},
		"a prefix of the type in any case": {taskrun.ObservedQuery{Limit: 9, Prefix: "fAIL"}, []taskrun.ObservedState{failed, other}},
		"a prefix of the name":             {taskrun.ObservedQuery{Limit: 9, Prefix: "\u00c9CHEC"}, []taskrun.ObservedState{other}},
		"only ASCII letters fold":          {taskrun.ObservedQuery{Limit: 9, Prefix: "\u00e9"}, []taskrun.ObservedState{}},
		"wildcards have no meaning":        {taskrun.ObservedQuery{Limit: 9, Prefix: "_"}, []taskrun.ObservedState{}},
	} {
		got, err := s.ObservedStates(t.Context(), tc.query)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestObservedStates_mergesManyNames(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	const names, rounds = 100, 3
	for i := range names * rounds {
		name := "name-" + strconv.Itoa(i%names)
		run := &taskrun.Run{ID: strconv.Itoa(i)}
		run.State = &orchestration.State{Type: orchestration.Running, Name: name, Timestamp: start.Add(time.Duration(i) * time.Second)}
		if _, err := store.Create(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.ObservedStates(t.Context(), taskrun.ObservedQuery{Limit: 2 * names})
	if err != nil || len(got) != names {
		t.Fatalf("%d states, error %v, want %d", len(got), err, names)
	}
	for _, o := range got {
		if o.LastSeen.Sub(o.FirstSeen) != (rounds-1)*names*time.Second {
			t.Errorf("%s was seen from %v to %v", o.Name, o.FirstSeen, o.LastSeen)
		}
	}
}
