package usecase_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// idleTest is a tracker in a bubble, with a function that is called when clients become idle.
type idleTest struct {
	tracker *usecase.WriteTracker
	began   time.Time

	mu    sync.Mutex
	calls []time.Duration // since the beginning
}

const idleAfter = 20 * time.Millisecond

func newIdleTest() (f *idleTest, stop func()) {
	f = &idleTest{tracker: usecase.NewWriteTracker(clock.RealClock{}), began: time.Now()}
	return f, f.tracker.OnIdle(idleAfter, f.call)
}

func (f *idleTest) call() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, time.Since(f.began))
}

// write makes a write of this duration.
func (f *idleTest) write(t *testing.T, d time.Duration) {
	t.Helper()
	store := f.tracker.Wrap(slowStore{during: func() { pass(d) }})
	if err := store.Delete(t.Context(), "id", nil); !errors.Is(err, errSlow) {
		t.Error(err)
	}
}

func (f *idleTest) check(t *testing.T, want ...time.Duration) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.calls, want) {
		t.Fatalf("calls at %v, want %v", f.calls, want)
	}
}

func TestWriteTracker_callsOnceWhenClientsBecomeIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, stop := newIdleTest()
		defer stop()
		pass(time.Hour)
		f.check(t, idleAfter)
		f.write(t, 0)
		pass(idleAfter - 1)
		f.check(t, idleAfter)
		pass(time.Nanosecond)
		f.check(t, idleAfter, time.Hour+idleAfter)
		pass(time.Hour)
		f.check(t, idleAfter, time.Hour+idleAfter)
		f.write(t, 0)
		pass(time.Hour)
		f.check(t, idleAfter, time.Hour+idleAfter, 2*time.Hour+2*idleAfter)
	})
}

func TestWriteTracker_doesNotCallWhileClientsWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, stop := newIdleTest()
		defer stop()
		long := make(chan struct{})
		go func() {
			defer close(long)
			f.write(t, time.Minute)
		}()
		f.write(t, time.Millisecond)
		<-long
		f.check(t)
		for range 1000 {
			f.write(t, time.Millisecond)
			pass(idleAfter - time.Millisecond)
		}
		f.check(t)
		pass(time.Millisecond)
		f.check(t, time.Minute+1000*idleAfter+time.Millisecond)
	})
}

func TestWriteTracker_callsAfterAWriteThatBeganBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &idleTest{tracker: usecase.NewWriteTracker(clock.RealClock{}), began: time.Now()}
		var stop func()
		store := f.tracker.Wrap(slowStore{during: func() {
			stop = f.tracker.OnIdle(idleAfter, f.call)
			pass(time.Minute)
		}})
		if err := store.Delete(t.Context(), "id", nil); !errors.Is(err, errSlow) {
			t.Error(err)
		}
		defer stop()
		pass(time.Hour)
		f.check(t, time.Minute+idleAfter)
	})
}

func TestWriteTracker_doesNotCallAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, stop := newIdleTest()
		other := &idleTest{began: f.began}
		defer f.tracker.OnIdle(2*idleAfter, other.call)()
		f.write(t, 0)
		stop()
		pass(time.Hour)
		f.check(t)
		f.write(t, 0)
		pass(time.Hour)
		f.check(t)
		other.check(t, 2*idleAfter, time.Hour+2*idleAfter)
	})
}

// pass lets time pass in a bubble of synctest.
func pass(d time.Duration) { <-time.NewTimer(d).C }
