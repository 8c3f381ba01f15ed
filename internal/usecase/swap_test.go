package usecase_test

import (
	"context"
	"errors"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// cell is a stored number with an outdated cache.
type cell struct {
	cached, stored   int
	reloads          int
	conflicts        int // with another writer, who adds one each time
	wrote, forgotten bool
}

func (c *cell) swap(confirm bool) usecase.Swap[int] {
	return usecase.Swap[int]{
		Load: func(context.Context) (*int, error) { return new(c.cached), nil },
		Reload: func(context.Context, *int) (*int, error) {
			c.reloads++
			return new(c.stored), nil
		},
		Write: func(_ context.Context, next *int) (*int, error) {
			switch {
			case c.conflicts > 0:
				c.conflicts--
				c.stored++
				return nil, taskrun.ErrConflict
			case c.forgotten:
				c.stored, c.wrote = *next, true
				return nil, taskrun.ErrConflict
			}
			c.stored = *next
			return next, nil
		},
		Wrote:   func(_, next, stored *int) bool { return c.wrote && *next == *stored },
		Confirm: confirm,
	}
}

func TestSwap_confirmsThatNothingChanges(t *testing.T) {
	t.Parallel()
	toTen := func(n *int) (*int, error) {
		if *n >= 10 {
			return nil, nil //nolint:nilnil // nothing to store
		}
		return new(10), nil
	}
	tests := map[string]struct {
		cell        cell
		confirm     bool
		want        int
		wantReloads int
		wantDone    bool
	}{
		"a change needs no second look":              {cell: cell{cached: 1, stored: 1}, confirm: true, want: 10, wantDone: true},
		"an outdated version that needs no change":   {cell: cell{cached: 10, stored: 1}, confirm: true, want: 10, wantReloads: 1, wantDone: true},
		"a recent version that needs no change":      {cell: cell{cached: 10, stored: 11}, confirm: true, want: 11, wantReloads: 1},
		"after a conflict, the version is recent":    {cell: cell{cached: 1, stored: 9, conflicts: 1}, confirm: true, want: 10, wantReloads: 1},
		"without confirmation, what is cached holds": {cell: cell{cached: 10, stored: 1}, want: 1},
		"a conflict with itself is done":             {cell: cell{cached: 1, stored: 1, forgotten: true}, want: 10, wantReloads: 1, wantDone: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, done := tc.cell, false
			swap := c.swap(tc.confirm)
			err := swap.Do(t.Context(), toTen, func(_, after *int) { done = *after == 10 })
			if err != nil || c.stored != tc.want || c.reloads != tc.wantReloads || done != tc.wantDone {
				t.Errorf("stored %d after %d reloads, done %t, error %v, want %d, %d, %t",
					c.stored, c.reloads, done, err, tc.want, tc.wantReloads, tc.wantDone)
			}
		})
	}
}

func TestSwap_endsWithErrorOfChange(t *testing.T) {
	t.Parallel()
	c := cell{}
	swap := c.swap(true)
	refused := errors.New("refused")
	err := swap.Do(t.Context(), func(*int) (*int, error) { return nil, refused }, func(_, _ *int) { t.Error("done") })
	if !errors.Is(err, refused) || c.reloads != 0 {
		t.Errorf("error %v after %d reloads, want that of the change at once", err, c.reloads)
	}
}
