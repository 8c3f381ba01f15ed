package usecase

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Limits of the retries after a lost compare-and-swap.
const (
	maxAttempts = 40
	firstPause  = 2 * time.Millisecond
	longestWait = 100 * time.Millisecond
)

// Swap changes a stored object by compare-and-swap. After a conflict with another writer
// it loads the object again and computes the change anew. It never stores an earlier
// change.
type Swap[T any] struct {
	// Load returns the object, from a cache or not.
	Load func(ctx context.Context) (*T, error)
	// Reload returns the object as it is stored now.
	Reload func(ctx context.Context, stale *T) (*T, error)
	// Write stores the next version. ErrConflict if the object has changed.
	Write func(ctx context.Context, next *T) (*T, error)
	// Wrote reports whether a write of next over before was done, though it ended in a
	// conflict: client-go and load balancers send a write again when they do not know
	// whether it arrived, and the second one conflicts with the first. stored is the
	// reloaded object.
	Wrote func(before, next, stored *T) bool
	// Confirm reloads an object before its change is nil: what Load returned can be older
	// than a write that the caller knows of.
	Confirm bool
}

// Do loads the object, calls change for its next version, and stores that. done is
// called with both versions after the write. When change returns nil, nothing is stored
// and done is not called. When it returns ErrConflict, it is called again as after a lost
// write. Errors: those of the functions, and ErrConflict when other writers won every time.
func (s *Swap[T]) Do(ctx context.Context, change func(*T) (*T, error), done func(before, after *T)) error {
	current, err := s.Load(ctx)
	confirmed := !s.Confirm
	for attempt := 1; err == nil; attempt++ {
		before := current
		var next, after *T
		next, after, err = s.try(ctx, before, change)
		switch {
		case err != nil:
			current, after, err = s.retry(ctx, before, next, attempt, err)
		case next == nil && confirmed:
			return nil
		case next == nil:
			current, err = s.Reload(ctx, before)
		}
		if after != nil {
			done(before, after)
			return nil
		}
		confirmed = true
	}
	return err
}

// try computes the next version and stores it. A nil next version was not stored.
func (s *Swap[T]) try(ctx context.Context, current *T, change func(*T) (*T, error)) (next, after *T, err error) {
	if next, err = change(current); next == nil || err != nil {
		return nil, nil, err
	}
	after, err = s.Write(ctx, next)
	return next, after, err
}

// retry reloads the object after a conflict and a pause. after is the reloaded object if
// the write of next was done, else nil. Any other error, and the last conflict, is returned.
func (s *Swap[T]) retry(ctx context.Context, before, next *T, attempt int, failed error) (current, after *T, err error) {
	if !errors.Is(failed, taskrun.ErrConflict) || attempt == maxAttempts {
		return nil, nil, failed
	}
	if err = pause(ctx, attempt); err != nil {
		return nil, nil, err
	}
	if current, err = s.Reload(ctx, before); err != nil {
		return nil, nil, err
	}
	if next != nil && s.Wrote(before, next, current) {
		return current, current, nil
	}
	return current, nil, nil
}

// pause waits a little before the next attempt: longer each time, and by
// chance, so that writers of one object fall out of step.
func pause(ctx context.Context, attempt int) error {
	limit := min(firstPause<<min(attempt, 10), longestWait)
	timer := time.NewTimer(rand.N(limit)) //nolint:gosec // spreads retries, keeps no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
