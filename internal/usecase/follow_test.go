package usecase_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// oneByOne yields changes that arrive together one after the other.
func oneByOne(together iter.Seq2[[]*feed.SharedChange[*taskrun.Run], error]) iter.Seq2[*feed.SharedChange[*taskrun.Run], error] {
	return func(yield func(*feed.SharedChange[*taskrun.Run], error) bool) {
		for changes, err := range together {
			for _, c := range changes {
				if !yield(c, nil) {
					return
				}
			}
			if err != nil && !yield(nil, err) {
				return
			}
		}
	}
}

// names returns the names of the states of the first changes of a stream.
func names(ctx context.Context, t *testing.T, r *recorder, f taskrun.WatchOptions, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	got := []string{}
	for c, err := range oneByOne(r.Follow(ctx, f)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(c.Run.DynamicKey, " ", c.State.Name, " ", c.Reported))
		if len(got) == n {
			break
		}
	}
	return got
}

func TestFollow_yieldsPastThenNewChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // a minute passes at once if a change does not arrive
		r := newRecorder()
		run := mustCreate(t, r.Service, newRun("1"))
		r.clock.Step(time.Second)
		mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Running})
		r.clock.Step(time.Second)
		other := mustCreate(t, r.Service, newRun("2"))
		r.record(t, event(eventRun, 1, orchestration.Running))

		got := names(t.Context(), t, r, taskrun.WatchOptions{}, 4)
		if diff := cmp.Diff([]string{"d Running true", "1 Pending false", "1 Running false", "2 Pending false"}, got); diff != "" {
			t.Errorf("the past (-want +got):\n%s", diff)
		}
		since := r.get(t, other.ID).State.Timestamp
		if diff := cmp.Diff([]string{"d Running true", "2 Pending false"}, names(t.Context(), t, r, taskrun.WatchOptions{Since: since}, 2)); diff != "" {
			t.Errorf("what was recorded since a time, with any clock of the worker (-want +got):\n%s", diff)
		}
		got = []string{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for c, err := range oneByOne(r.Follow(ctx, taskrun.WatchOptions{RunIDs: []string{other.ID}})) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, c.State.Name)
			if c.State.Type == orchestration.Completed {
				break
			}
			mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Completed})
			mustSet(t, r.Service, other.ID, taskrun.Proposal{Type: orchestration.Completed})
		}
		if diff := cmp.Diff([]string{"Pending", "Completed"}, got); diff != "" {
			t.Errorf("of one run (-want +got):\n%s", diff)
		}
	})
}

// A reader receives each end exactly once, from the past or live, whenever it
// subscribes.
func TestFollow_missesNoChange(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	const runs = 200
	ids := make([]string, runs)
	for i := range ids {
		ids[i] = mustCreate(t, r.Service, newRun(strconv.Itoa(i))).ID
	}
	var all sync.WaitGroup
	all.Go(func() {
		for _, id := range ids {
			mustSet(t, r.Service, id, taskrun.Proposal{Type: orchestration.Completed})
		}
	})
	for range 20 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			received := map[string]int{}
			for c, err := range oneByOne(r.Follow(ctx, taskrun.WatchOptions{})) {
				if err != nil {
					t.Error(err)
					return
				}
				if c.State.Type == orchestration.Completed {
					received[c.Run.ID]++
				}
				if len(received) == runs {
					break
				}
			}
			for id, n := range received {
				if n != 1 {
					t.Errorf("received %d times of the end of %s", n, id)
				}
			}
			if len(received) != runs {
				t.Errorf("received of %d ends, want %d", len(received), runs)
			}
		})
	}
	all.Wait()
}

func TestFollow_endsSlowReader(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	mustCreate(t, r.Service, newRun("first"))
	read := 0
	for _, err := range oneByOne(r.Follow(t.Context(), taskrun.WatchOptions{})) {
		if read++; read == 1 {
			for i := range 10_001 {
				mustCreate(t, r.Service, newRun(strconv.Itoa(i)))
			}
			continue
		}
		if !errors.Is(err, feed.ErrTooSlow) {
			t.Errorf("the stream went on with error %v", err)
		}
		break
	}
	if read != 2 {
		t.Errorf("%d reads, want two", read)
	}
}
