package concurrency_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// abandonedWrite starts a write of a limit whose caller disconnects. The write ends
// when the returned function is called.
func abandonedWrite(s *fixture) (*concurrency.Service, func()) {
	s.t.Helper()
	limits, store := s.overFaulty()
	s.limit("x", 1)
	proceed := make(chan struct{})
	store.write = func(_ int, _ string, do func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
		<-proceed
		return do()
	}
	ctx, leave := context.WithCancel(s.t.Context())
	left := make(chan error, 1)
	go func() { left <- limits.Reset(ctx, "x", []string{"run"}) }()
	synctest.Wait()
	leave()
	if err := <-left; !errors.Is(err, taskrun.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		s.t.Fatalf("Reset() of the caller that left: %v, want ErrUnavailable and its context's error", err)
	}
	return limits, func() { close(proceed) }
}

func TestWriters_closeWaitsForAbandonedWrite(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, endWrite := abandonedWrite(s)
		closed := make(chan error, 1)
		go func() { closed <- limits.Writers.Close(s.t.Context()) }()
		synctest.Wait()
		select {
		case err := <-closed:
			s.t.Errorf("Close() returned %v during a write", err)
		default:
		}
		endWrite()
		if err := <-closed; err != nil {
			s.t.Errorf("Close(): %v", err)
		}
		if got := s.takenAt(0, "x"); got != 1 {
			s.t.Errorf("%d slots are taken after the write, want 1", got)
		}
	})
}

func TestWriters_closeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, endWrite := abandonedWrite(s)
		defer endWrite()
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		if err := limits.Writers.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			s.t.Errorf("Close(): %v, want the error of its context", err)
		}
	})
}

func TestWriters_rejectChangesAfterClose(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, store := s.overFaulty()
		s.limit("x", 1)
		if err := limits.Writers.Close(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		for range 2 { // the rejected change does not block the next one
			if err := limits.Reset(s.t.Context(), "x", nil); !errors.Is(err, taskrun.ErrUnavailable) {
				s.t.Errorf("Reset() after Close(): %v, want ErrUnavailable", err)
			}
		}
		if store.writes != 0 {
			s.t.Errorf("%d writes after Close(), want 0", store.writes)
		}
	})
}
