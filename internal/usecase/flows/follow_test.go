package flows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// statesUntil reads the ids of the states that a reader gets, until it has this number of them.
func (f *fixture) statesUntil(ctx context.Context, o taskrun.WatchOptions, count int) (ids []string) {
	for changes, err := range f.Follow(ctx, o) {
		if err != nil {
			return append(ids, err.Error())
		}
		for _, change := range changes {
			ids = append(ids, change.State.ID)
		}
		if len(ids) >= count {
			break
		}
	}
	return ids
}

func TestFollow_yieldsPastAndNewStatesOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const runs = 20
	sequence := []orchestration.StateType{orchestration.Running, orchestration.Cancelling, orchestration.Cancelled}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var writing, reading sync.WaitGroup
	want := make([]map[string]int, runs)
	for i := range runs {
		writing.Go(func() {
			run := f.mustCreate(t)
			ids := map[string]int{run.State.ID: 1}
			for _, kind := range sequence {
				ids[f.mustSet(t, run.ID, kind).Run.State.ID] = 1
			}
			want[i] = ids
		})
	}
	const readers, count = 5, runs * 4
	got := make([][]string, readers)
	for i := range readers {
		reading.Go(func() { got[i] = f.statesUntil(ctx, taskrun.WatchOptions{Since: start}, count) })
	}
	writing.Wait()
	reading.Wait()
	all := map[string]int{}
	for _, ids := range want {
		for id := range ids {
			all[id]++
		}
	}
	for _, ids := range got {
		found := map[string]int{}
		for _, id := range ids {
			found[id]++
		}
		if diff := cmp.Diff(all, found); diff != "" {
			t.Errorf("states of a reader (-want +got):\n%s", diff)
		}
	}
}

func TestFollow_ofOneRunYieldsItsStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run, other := f.mustCreate(t), f.mustCreate(t)
	f.mustSet(t, other.ID, orchestration.Running)
	running := f.mustSet(t, run.ID, orchestration.Running).Run
	got := f.statesUntil(t.Context(), taskrun.WatchOptions{Since: start, RunIDs: []string{run.ID}}, 2)
	if diff := cmp.Diff([]string{run.State.ID, running.State.ID}, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestRelatedTo_aSubflow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.SetFlowTags(t.Context(), f.flow.ID, []string{"z", "a"}); err != nil {
		t.Fatal(err)
	}
	placeholder := f.mustCreateTask(t, f.mustCreate(t).ID, "1")
	run := f.mustCreate(t, withParent(placeholder.ID), func(in *flowrun.NewRun) { in.Run.Tags = []string{"m", "a"} })
	related := f.RelatedTo(run)
	if related.Flow == nil || related.Flow.ID != f.flow.ID || related.ParentRun == nil || related.ParentRun.ID != placeholder.ID {
		t.Errorf("flow %v, parent %v", related.Flow, related.ParentRun)
	}
	if diff := cmp.Diff([]string{"a", "m", "z"}, related.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}
