package usecase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// slowStore is a Store that calls during while a write is in progress.
type slowStore struct {
	taskrun.Store
	during func()
}

var errSlow = errors.New("too slow")

func (s slowStore) Create(context.Context, *taskrun.Run) (*taskrun.Run, error) {
	s.during()
	return nil, errSlow
}

func (s slowStore) UpdateProgress(context.Context, *taskrun.Run) (*taskrun.Run, error) {
	s.during()
	return nil, errSlow
}

func (s slowStore) Rename(context.Context, string, string, time.Time) error {
	s.during()
	return errSlow
}

func (s slowStore) Delete(context.Context, string, *taskrun.ObjectRef) error {
	s.during()
	return errSlow
}

func (s slowStore) Get(context.Context, string) (*taskrun.Run, error) {
	s.during()
	return nil, errSlow
}

func TestWriteTracker_recordsEachWrite(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		call func(context.Context, taskrun.Store) error
		want time.Duration // idle time during the call and after it
	}{
		"a create": {call: func(ctx context.Context, s taskrun.Store) error {
			_, err := s.Create(ctx, nil)
			return err
		}},
		"a write of progress": {call: func(ctx context.Context, s taskrun.Store) error {
			_, err := s.UpdateProgress(ctx, nil)
			return err
		}},
		"a new name": {call: func(ctx context.Context, s taskrun.Store) error {
			return s.Rename(ctx, "id", "name", time.Time{})
		}},
		"a delete": {call: func(ctx context.Context, s taskrun.Store) error { return s.Delete(ctx, "id", nil) }},
		"a read": {call: func(ctx context.Context, s taskrun.Store) error {
			_, err := s.Get(ctx, "id")
			return err
		}, want: time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := testingclock.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			traffic := usecase.NewWriteTracker(clock)
			if got := traffic.IdleFor(); got < 24*time.Hour {
				t.Errorf("quiet for %v before the first write", got)
			}
			one := traffic.Wrap(slowStore{during: func() {}})
			if err := one.Delete(t.Context(), "id", nil); !errors.Is(err, errSlow) {
				t.Fatal(err)
			}
			clock.SetTime(clock.Now().Add(time.Minute))
			during := time.Duration(-1)
			store := traffic.Wrap(slowStore{during: func() { during = traffic.IdleFor() }})
			if err := tc.call(t.Context(), store); !errors.Is(err, errSlow) {
				t.Errorf("error = %v, want the store's", err)
			}
			if after := traffic.IdleFor(); during != tc.want || after != tc.want {
				t.Errorf("quiet for %v in the call and %v after it, want %v", during, after, tc.want)
			}
			clock.SetTime(clock.Now().Add(time.Second))
			if got := traffic.IdleFor(); got != tc.want+time.Second {
				t.Errorf("quiet for %v a second later, want %v", got, tc.want+time.Second)
			}
		})
	}
}

func TestWriteTracker_isBusyUntilLastWriteEnds(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	traffic := usecase.NewWriteTracker(clock)
	outer := traffic.Wrap(slowStore{during: func() {
		inner := traffic.Wrap(slowStore{during: func() {}})
		if err := inner.Delete(t.Context(), "id", nil); !errors.Is(err, errSlow) {
			t.Error(err)
		}
		clock.SetTime(clock.Now().Add(time.Minute))
		if got := traffic.IdleFor(); got != 0 {
			t.Errorf("quiet for %v while a write is under way", got)
		}
	}})
	if err := outer.Delete(t.Context(), "id", nil); !errors.Is(err, errSlow) {
		t.Fatal(err)
	}
	clock.SetTime(clock.Now().Add(-time.Hour))
	if got := traffic.IdleFor(); got != 0 {
		t.Errorf("quiet for %v after the clock was set back, want 0", got)
	}
}
