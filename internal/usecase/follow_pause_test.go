package usecase_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// arrival is the time and number of changes that a reader receives together.
type arrival struct {
	after   time.Duration
	changes int
}

// arrivalsOf creates one run, and 1 ms later the others, and returns the arrivals at
// each reader of all runs.
func arrivalsOf(t *testing.T, readers, creates int) [][]arrival {
	t.Helper()
	r := newRecorder()
	ctx, cancel := context.WithCancel(t.Context())
	arrivals := make([][]arrival, readers)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range readers {
		all.Go(func() {
			for changes, err := range r.Follow(ctx, taskrun.WatchOptions{}) {
				if err != nil {
					t.Error(err)
					return
				}
				if len(changes) > 0 { // not the end of the past
					arrivals[i] = append(arrivals[i], arrival{time.Since(begin), len(changes)})
				}
			}
		})
	}
	synctest.Wait()
	mustCreate(t, r.Service, newRun("first"))
	synctest.Wait()
	time.Sleep(time.Millisecond) //nolint:forbidigo // in a bubble it takes no time
	for i := range creates - 1 {
		mustCreate(t, r.Service, newRun(strconv.Itoa(i)))
		synctest.Wait()
	}
	time.Sleep(time.Minute) //nolint:forbidigo // see above
	synctest.Wait()
	cancel()
	all.Wait()
	return arrivals
}

func TestFollow_oneReaderIsWokenAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		want := []arrival{{0, 1}, {time.Millisecond, 1}, {time.Millisecond, 1}}
		if got := arrivalsOf(t, 1, 3)[0]; len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("changes came after %v, want %v", got, want)
		}
	})
}

// A thousand readers receive the first change at once, and then several changes
// together, so that their cost does not grow with the number of changes.
func TestFollow_manyReadersGetChangesTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, got := range arrivalsOf(t, 1000, 50) {
			if len(got) != 2 || got[0] != (arrival{0, 1}) || got[1] != (arrival{100 * time.Millisecond, 49}) {
				t.Fatalf("changes came after %v, want one at once and the other 49 together after 100ms", got)
			}
		}
	})
}
