package feed

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// steppedFeed is a feed whose readers are woken only by the test.
type steppedFeed struct {
	*Feed[*taskrun.Run]

	states int // number of changes so far
}

func newSteppedFeed() *steppedFeed {
	f := New[*taskrun.Run](testingclock.NewFakePassiveClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), bytebudget.New(1<<30))
	f.ready, f.waiting = make(chan struct{}, 1), newWaiting[*taskrun.Run]()
	f.share = f.budget.Join(f.dropOldest)
	return &steppedFeed{Feed: f}
}

// change moves a run to a new state. The id of the state is the number of the
// change.
func (f *steppedFeed) change(id string) {
	state := &orchestration.State{ID: strconv.Itoa(f.states), Type: orchestration.Running}
	f.states++
	f.notify(nil, &taskrun.Run{ID: id, Progress: orchestration.Progress{State: state}})
}

func (f *steppedFeed) reader(ids ...string) *feedReader[*taskrun.Run] {
	r := newFeedReader(f.Feed, newSelection(taskrun.WatchOptions{RunIDs: ids}))
	f.waiting.add(r)
	r.past, r.at = &backlog[*taskrun.Run]{}, f.position()
	return r
}

// woken reports whether a waiting reader was woken.
func woken(r *feedReader[*taskrun.Run]) bool {
	select {
	case <-r.wake:
		return true
	default:
		return false
	}
}

// drain reads until the reader has to wait.
func drain(r *feedReader[*taskrun.Run]) (states []string, err error) {
	for {
		changes, wait, err := r.some()
		for _, c := range changes {
			states = append(states, c.State.ID)
		}
		if err != nil || wait != nil {
			return states, err
		}
	}
}

func TestReader_ofSomeRunsIsNotWokenForOthers(t *testing.T) {
	t.Parallel()
	f := newSteppedFeed()
	r := f.reader("mine", "also mine")
	if _, err := drain(r); err != nil {
		t.Fatal(err)
	}
	for range 2 * maxBehind { // far more than the feed keeps
		f.change("other")
	}
	if f.wakeSelecting(); woken(r) {
		t.Error("the reader is woken for changes of another run")
	}
	f.change("mine")
	f.change("other")
	f.change("also mine")
	if f.wakeSelecting(); !woken(r) {
		t.Fatal("the reader is not woken for changes of its runs")
	}
	got, err := drain(r)
	if want := []string{strconv.Itoa(2 * maxBehind), strconv.Itoa(2*maxBehind + 2)}; !slices.Equal(got, want) || err != nil {
		t.Errorf("got the states %v and error %v, want %v", got, err, want)
	}
}

func TestReader_isTooSlowIfItsChangesWereDroppedWhileItSlept(t *testing.T) {
	t.Parallel()
	f := newSteppedFeed()
	r := f.reader("mine")
	_, _ = drain(r)
	f.change("mine")
	f.wakeSelecting()
	for range maxBehind {
		f.change("other")
	}
	if _, err := drain(r); !woken(r) || !errors.Is(err, ErrTooSlow) {
		t.Errorf("error %v, want %v", err, ErrTooSlow)
	}
}

// A reader that selects more than maxWokenRuns runs is woken for each change, like a
// reader of all runs. This limits the memory of the index by run.
func TestReader_ofManyRunsIsNotIndexedByRun(t *testing.T) {
	t.Parallel()
	f := newSteppedFeed()
	var ids []string
	for i := range maxWokenRuns + 1 {
		ids = append(ids, strconv.Itoa(i))
	}
	few, many := f.reader(ids[1:]...), f.reader(ids...)
	if len(f.waiting.byRun) != maxWokenRuns || f.waiting.all != 1 {
		t.Errorf("places for %d runs, and %d readers of all runs, want %d and 1", len(f.waiting.byRun), f.waiting.all, maxWokenRuns)
	}
	f.change("0")
	if got, err := drain(many); len(got) != 1 || err != nil {
		t.Errorf("got %v and error %v, want one change", got, err)
	}
	f.waiting.remove(few)
	f.waiting.remove(many)
	if len(f.waiting.byRun) != 0 || f.waiting.all != 0 {
		t.Errorf("places for %d runs, and %d readers of all runs are left", len(f.waiting.byRun), f.waiting.all)
	}
}

// listening is a reader of some runs and the changes that it has to get.
type listening struct {
	*feedReader[*taskrun.Run]

	ids       []string
	got, want []string
}

// Regardless of the order of changes, wake-ups and reads, each reader gets every
// change of its runs once and in order.
func TestReaders_ofSomeRunsGetEveryChange(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			f := newSteppedFeed()
			var all []*listening
			for range 200 {
				switch n := random.IntN(10); {
				case n < 5:
					id := strconv.Itoa(random.IntN(4))
					for _, l := range all {
						if slices.Contains(l.ids, id) {
							l.want = append(l.want, strconv.Itoa(f.states))
						}
					}
					f.change(id)
				case n < 6 && len(all) < 6:
					ids := []string{strconv.Itoa(random.IntN(4)), strconv.Itoa(random.IntN(4))}
					all = append(all, &listening{feedReader: f.reader(ids...), ids: ids})
				case n < 8:
					f.wakeSelecting()
				case len(all) > 0:
					all[random.IntN(len(all))].step(t)
				}
			}
			f.wakeSelecting()
			for _, l := range all {
				l.step(t)
				if !slices.Equal(l.got, l.want) {
					t.Errorf("a reader of the runs %v got %v, want %v", l.ids, l.got, l.want)
				}
			}
		})
	}
}

// step reads, unless the reader is asleep and was not woken.
func (l *listening) step(t *testing.T) {
	t.Helper()
	if l.asleep && !woken(l.feedReader) {
		return
	}
	got, err := drain(l.feedReader)
	if err != nil {
		t.Fatal(err)
	}
	l.got = append(l.got, got...)
}

func TestWakePause(t *testing.T) {
	t.Parallel()
	for readers, want := range map[int]time.Duration{
		0: 0, 1: 0, 9: 0, 10: time.Millisecond, 1000: 100 * time.Millisecond, 100_000: maxWakePause,
	} {
		if got := wakePause(readers); got != want {
			t.Errorf("the pause after %d readers were woken is %s, want %s", readers, got, want)
		}
	}
}
