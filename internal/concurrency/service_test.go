package concurrency_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

func (s *fixture) view(limits *concurrency.Service, name string) *concurrency.View {
	s.t.Helper()
	view, err := limits.Get(s.t.Context(), concurrency.Key{Name: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return view
}

func TestCreate_storesRequestedLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   concurrency.NewLimit
		want concurrency.View
	}{
		"without use":        {concurrency.NewLimit{Name: "x", Active: true, Limit: 3}, concurrency.View{Active: true, Limit: 3}},
		"with slots taken":   {concurrency.NewLimit{Name: "x", Limit: 3, ActiveSlots: 2}, concurrency.View{Limit: 3, ActiveSlots: 2}},
		"with slots denied":  {concurrency.NewLimit{Name: "x", Limit: 3, DeniedSlots: 4}, concurrency.View{Limit: 3, DeniedSlots: 4}},
		"with slots of both": {concurrency.NewLimit{Name: "x", ActiveSlots: 1, DeniedSlots: 4}, concurrency.View{ActiveSlots: 1, DeniedSlots: 4}},
		"with decay":         {concurrency.NewLimit{Name: "x", SlotDecayPerSecond: 0.5}, concurrency.View{SlotDecayPerSecond: 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				limits, store := s.overFaulty()
				got, err := limits.Create(s.t.Context(), tt.in)
				if err != nil {
					s.t.Fatal(err)
				}
				tt.want.ID, tt.want.Name, tt.want.RunIDs = got.ID, "x", []string{}
				tt.want.Created, tt.want.Updated = time.Now().UTC(), time.Now().UTC()
				tt.want.AvgSlotOccupancySeconds = concurrency.UsualOccupancy
				s.want("the new limit", &tt.want, got)
				s.want("the limit afterwards", &tt.want, s.view(limits, "x"))
				wantWrites := 0
				if tt.in.ActiveSlots+tt.in.DeniedSlots > 0 {
					wantWrites = 1
				}
				s.want("writes of its use", wantWrites, store.writes)
			})
		})
	}
}

func TestCreate_failsIfUseCannotBeWritten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, store := s.overFaulty()
		store.write = func(int, string, func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
			return nil, taskrun.ErrUnavailable
		}
		view, err := limits.Create(s.t.Context(), concurrency.NewLimit{Name: "x", ActiveSlots: 1})
		if view != nil || !errors.Is(err, taskrun.ErrUnavailable) {
			s.t.Errorf("limit %+v, error %v, want ErrUnavailable", view, err)
		}
	})
}

func TestCreate_limitsNameTo256Characters(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits := s.replicas[0].limits
		s.limit("x", 1)
		for name, valid := range map[string]bool{strings.Repeat("é", 256): true, strings.Repeat("é", 257): false} {
			_, err := limits.Create(s.t.Context(), concurrency.NewLimit{Name: name})
			invalid, isInvalid := errors.AsType[*taskrun.InvalidError](err)
			if (err == nil) != valid || isInvalid == valid || (!valid && invalid.Field != "name") {
				s.t.Errorf("create, %d characters: %v", len(name)/2, err)
			}
			if valid {
				continue
			}
			err = limits.Update(s.t.Context(), concurrency.Key{Name: "x"}, concurrency.Change{Name: &name})
			if _, isInvalid := errors.AsType[*taskrun.InvalidError](err); !isInvalid {
				s.t.Errorf("update, %d characters: %v", len(name)/2, err)
			}
		}
	})
}

func TestPut_createsLimitOrSetsSlots(t *testing.T) {
	t.Parallel()
	forbid := func(ctx context.Context) context.Context {
		return usecase.WithCreateCheck(ctx, func(context.Context) error { return taskrun.ErrForbidden })
	}
	allow := func(ctx context.Context) context.Context { return ctx }
	for name, tt := range map[string]struct {
		there       bool
		caller      func(context.Context) context.Context
		errs        map[string]error
		terms       error
		wantCreated bool
		wantErr     error
	}{
		"there is none": {caller: allow, wantCreated: true},
		"there is one":  {caller: allow, there: true},
		"there is none, and it may not be created": {caller: forbid, wantErr: taskrun.ErrForbidden},
		"there is one, and none may be created":    {caller: forbid, there: true},
		"none can be stored":                       {caller: allow, errs: map[string]error{"create": taskrun.ErrUnavailable}, wantErr: taskrun.ErrUnavailable},
		"the limits cannot be read":                {caller: allow, errs: map[string]error{"list": taskrun.ErrUnavailable}, wantErr: taskrun.ErrUnavailable},
		"the slots cannot be stored":               {caller: allow, there: true, terms: taskrun.ErrUnavailable, wantErr: taskrun.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				limits, store := s.overFaulty()
				if tt.there {
					s.limit("x", 1)
				}
				store.errs, store.terms = tt.errs, func(int) error { return tt.terms }
				view, created, err := limits.Put(tt.caller(s.t.Context()), "x", 5)
				if !errors.Is(err, tt.wantErr) || created != tt.wantCreated {
					s.t.Fatalf("created %t, error %v, want %t, %v", created, err, tt.wantCreated, tt.wantErr)
				}
				if err == nil && (view == nil || view.Limit != 5 || !view.Active || view.Name != "x") {
					s.t.Errorf("limit %+v, want 5 slots", view)
				}
			})
		})
	}
}

// racing is a store in which another caller creates a limit first.
type racing struct{ *faulty }

func (r racing) Create(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	if _, err := r.Limits.Create(ctx, l); err != nil {
		return nil, err
	}
	return nil, taskrun.ErrExists
}

func TestPut_setsSlotsIfAnotherCallerCreatesTheLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		_, store := s.overFaulty()
		limits := concurrency.New(concurrency.Options{Namespace: "default", Store: racing{store}, Runs: s.runs, Clock: bubbleClock{}})
		view, created, err := limits.Put(s.t.Context(), "x", 5)
		if err != nil || created || view.Limit != 5 || store.calls["terms"] != 1 {
			s.t.Errorf("limit %+v, created %t, error %v, %d writes", view, created, err, store.calls["terms"])
		}
	})
}

func TestList_filtersByPrefixAndSortsByName(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, store := s.overFaulty()
		for _, name := range []string{"tag:b", "x", "tag:a", "tag:c"} {
			s.limit(name, 1)
		}
		for what, tt := range map[string]struct {
			prefix       string
			offset, most int
			want         string
		}{
			"all":                   {"", 0, 9, "tag:a tag:b tag:c x"},
			"of tags":               {"tag:", 0, 9, "tag:a tag:b tag:c"},
			"the second of tags":    {"tag:", 1, 1, "tag:b"},
			"none":                  {"tag:", 0, 0, ""},
			"after the last":        {"tag:", 9, 9, ""},
			"from before the first": {"tag:", -1, 1, "tag:a"},
			"less than none":        {"tag:", 0, -1, ""},
		} {
			views, err := limits.List(s.t.Context(), tt.prefix, tt.offset, tt.most)
			names := []string{}
			for _, view := range views {
				names = append(names, view.Name)
			}
			if got := strings.Join(names, " "); err != nil || got != tt.want {
				s.t.Errorf("%s: %q, error %v, want %q", what, got, err, tt.want)
			}
		}
		ended, end := context.WithCancel(s.t.Context())
		end()
		if views, err := limits.List(ended, "", 0, 9); !errors.Is(err, context.Canceled) || views != nil {
			s.t.Errorf("for a caller that has gone: %v, error %v", views, err)
		}
		store.errs["list"] = taskrun.ErrUnavailable
		if views, err := limits.List(s.t.Context(), "", 0, 9); !errors.Is(err, taskrun.ErrUnavailable) || views != nil {
			s.t.Errorf("without a store: %v, error %v", views, err)
		}
	})
}

func TestUpdate_changesOnlyGivenFields(t *testing.T) {
	t.Parallel()
	base := concurrency.View{Name: "x", Active: true, Limit: 3, ActiveSlots: 1, DeniedSlots: 2}
	for name, tt := range map[string]struct {
		change     concurrency.Change
		edit       func(*concurrency.View)
		wantWrites int // of the use
	}{
		"nothing":            {concurrency.Change{}, func(*concurrency.View) {}, 0},
		"its name":           {concurrency.Change{Name: new("y")}, func(v *concurrency.View) { v.Name = "y" }, 0},
		"the name it has":    {concurrency.Change{Name: new("x")}, func(*concurrency.View) {}, 0},
		"whether it applies": {concurrency.Change{Active: new(false)}, func(v *concurrency.View) { v.Active = false }, 0},
		"how many slots":     {concurrency.Change{Limit: new(9)}, func(v *concurrency.View) { v.Limit = 9 }, 0},
		"its decay":          {concurrency.Change{SlotDecayPerSecond: new(0.25)}, func(v *concurrency.View) { v.SlotDecayPerSecond = 0.25 }, 0},
		"the taken slots":    {concurrency.Change{ActiveSlots: new(2)}, func(v *concurrency.View) { v.ActiveSlots = 2 }, 1},
		"the denied slots":   {concurrency.Change{DeniedSlots: new(7)}, func(v *concurrency.View) { v.DeniedSlots = 7 }, 1},
		"both":               {concurrency.Change{ActiveSlots: new(0), DeniedSlots: new(0)}, func(v *concurrency.View) { v.ActiveSlots, v.DeniedSlots = 0, 0 }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				limits, store := s.overFaulty()
				created, err := limits.Create(s.t.Context(), concurrency.NewLimit{Name: "x", Active: true, Limit: 3, ActiveSlots: 1, DeniedSlots: 2})
				if err != nil {
					s.t.Fatal(err)
				}
				before := store.writes
				if err := limits.Update(s.t.Context(), concurrency.Key{ID: created.ID}, tt.change); err != nil {
					s.t.Fatal(err)
				}
				want := base
				tt.edit(&want)
				want.ID, want.Created, want.Updated, want.RunIDs = created.ID, created.Created, created.Updated, []string{}
				want.AvgSlotOccupancySeconds = concurrency.UsualOccupancy
				s.want("limit", &want, s.view(limits, want.Name))
				s.want("writes of its use", tt.wantWrites, store.writes-before)
			})
		})
	}
}

func TestUpdate_rejectsNameInUse(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, store := s.overFaulty()
		s.limit("x", 1)
		s.limit("y", 1)
		if err := limits.Update(s.t.Context(), concurrency.Key{Name: "x"}, concurrency.Change{Name: new("y")}); !errors.Is(err, taskrun.ErrExists) {
			s.t.Errorf("error %v, want ErrExists", err)
		}
		if err := limits.Update(s.t.Context(), concurrency.Key{Name: "none"}, concurrency.Change{}); !errors.Is(err, taskrun.ErrNotFound) {
			s.t.Errorf("error %v, want ErrNotFound", err)
		}
		s.want("writes", 0, store.calls["terms"])
	})
}

// The retry applies to the newer version, so it keeps the changes of other callers.
func TestUpdate_retriesConflictOnNewerVersion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		conflicts int
		err       error // of the first write, in place of conflicts
		reload    error
		want      error
		wantTerms int
	}{
		"once":                        {conflicts: 1, wantTerms: 2},
		"as often as it is repeated":  {conflicts: 39, wantTerms: 40},
		"more often":                  {conflicts: 40, want: taskrun.ErrConflict, wantTerms: 40},
		"and cannot be read again":    {conflicts: 1, reload: taskrun.ErrNotFound, want: taskrun.ErrNotFound, wantTerms: 1},
		"not, but the store has gone": {err: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable, wantTerms: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				limits, store := s.overFaulty()
				s.limit("x", 1)
				store.errs["reload"] = tt.reload
				store.terms = func(n int) error {
					if n == 1 { // another caller changes it
						if err := s.replicas[0].limits.Update(s.t.Context(), concurrency.Key{Name: "x"}, concurrency.Change{Active: new(false)}); err != nil {
							s.t.Error(err)
						}
						if tt.err != nil {
							return tt.err
						}
					}
					if n <= tt.conflicts {
						return taskrun.ErrConflict
					}
					return nil
				}
				err := limits.Update(s.t.Context(), concurrency.Key{Name: "x"}, concurrency.Change{Limit: new(5), DeniedSlots: new(1)})
				if !errors.Is(err, tt.want) || store.calls["terms"] != tt.wantTerms {
					s.t.Errorf("error %v after %d writes, want %v after %d", err, store.calls["terms"], tt.want, tt.wantTerms)
				}
				view := s.view(s.replicas[0].limits, "x")
				if want := map[bool]int{true: 5, false: 1}[tt.want == nil]; view.Limit != want || view.Active {
					s.t.Errorf("limit %+v, want %d slots, inactive", view, want)
				}
				s.want("writes of its use", map[bool]int{true: 1, false: 0}[tt.want == nil], store.writes)
			})
		})
	}
}

func TestDelete_failureKeepsDenials(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, store := s.overFaulty()
		s.limit("x", 1)
		if _, _, err := limits.Acquire(s.t.Context(), lease(1, "x")); err != nil {
			s.t.Fatal(err)
		}
		if _, _, err := limits.Acquire(s.t.Context(), lease(1, "x")); err == nil {
			s.t.Fatal("more slots than there are")
		}
		store.errs["delete"] = taskrun.ErrUnavailable
		if err := limits.Delete(s.t.Context(), concurrency.Key{Name: "x"}); !errors.Is(err, taskrun.ErrUnavailable) {
			s.t.Errorf("error %v, want ErrUnavailable", err)
		}
		s.want("denied", 1, s.view(limits, "x").DeniedSlots)
		store.errs["delete"] = nil
		if err := limits.Delete(s.t.Context(), concurrency.Key{Name: "x"}); err != nil {
			s.t.Fatal(err)
		}
		s.limit("x", 1)
		s.want("denied of the next one of the name", 0, s.view(limits, "x").DeniedSlots)
	})
}

func TestGet_listsRunsThatHoldSlots(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 9)
		limits := s.replicas[0].limits
		in := lease(1, "tag:a")
		in.Holder = &concurrency.Holder{Kind: "flow_run", ID: "other"}
		s.acquire(0, in)
		s.acquire(0, lease(1, "tag:a"))
		for _, state := range []string{"first", "second"} {
			if _, err := limits.Take(s.t.Context(), taskrun.Claim{RunID: "run", StateID: state, Tags: []string{"a"}}); err != nil {
				s.t.Fatal(err)
			}
		}
		view := s.view(limits, "tag:a")
		s.want("runs", []string{"run"}, view.RunIDs)
		s.want("slots", 3, view.ActiveSlots)
	})
}

// operations give slots back or renew them, of a lease on x and of slots of a run on tag:a.
var operations = map[string]func(ctx context.Context, limits *concurrency.Service, leaseID string) error{
	"release": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.Release(ctx, concurrency.Released{Names: []string{"x"}, Slots: 1})
		return err
	},
	"release of a lease": func(ctx context.Context, limits *concurrency.Service, leaseID string) error {
		return limits.ReleaseLease(ctx, leaseID)
	},
	"release for a run": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.ReleaseForRun(ctx, []string{"a"}, "run")
		return err
	},
	"acquire for a run": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.AcquireForRun(ctx, []string{"a"}, "another")
		return err
	},
	"end of a claim": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		return limits.ReleaseClaim(ctx, taskrun.Claim{RunID: "claimer", StateID: "state", Tags: []string{"a"}})
	},
	"acquire": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, _, err := limits.Acquire(ctx, lease(1, "x"))
		return err
	},
	"claim": func(ctx context.Context, limits *concurrency.Service, _ string) error {
		_, err := limits.Take(ctx, taskrun.Claim{RunID: "claimer", StateID: "next", Tags: []string{"a"}})
		return err
	},
}

// A deleted limit has no slots to release. A failed write is an error.
func TestOperations_failIfWriteFailsButNotIfLimitWasDeleted(t *testing.T) {
	t.Parallel()
	for name, operation := range operations {
		for what, tt := range map[string]struct{ write, list, want error }{
			"succeeds":            {},
			"the limit is gone":   {write: taskrun.ErrNotFound},
			"cannot be written":   {write: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
			"nothing can be read": {list: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(s *fixture) {
					s.limit("x", 9)
					s.limit("tag:a", 9)
					limits, store := s.overFaulty()
					id := s.acquire(0, lease(1, "x"))
					if _, err := limits.AcquireForRun(s.t.Context(), []string{"a"}, "run"); err != nil {
						s.t.Fatal(err)
					}
					if _, err := limits.Take(s.t.Context(), taskrun.Claim{RunID: "claimer", StateID: "state", Tags: []string{"a"}}); err != nil {
						s.t.Fatal(err)
					}
					store.errs["list"] = tt.list
					store.write = func(_ int, _ string, do func() (*concurrency.Limit, error)) (*concurrency.Limit, error) {
						if tt.write != nil {
							return nil, tt.write
						}
						return do()
					}
					if err := operation(s.t.Context(), limits, id); !errors.Is(err, tt.want) {
						s.t.Errorf("error %v, want %v", err, tt.want)
					}
				})
			})
		}
	}
}

func TestRelease_recordsOccupancyPerSlot(t *testing.T) {
	t.Parallel()
	const usual = concurrency.UsualOccupancy // of a limit of two slots, of which each time seen counts a quarter
	for name, tt := range map[string]struct {
		use  func(s *fixture, limits *concurrency.Service) error
		want float64
	}{
		"slots given back with their time": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.Release(s.t.Context(), concurrency.Released{Names: []string{"tag:a"}, Slots: 2, Occupancy: new(20 * time.Second)})
			return err
		}, usual + (10-usual)/4},
		"slots given back without a time": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.Release(s.t.Context(), concurrency.Released{Names: []string{"tag:a"}, Slots: 2})
			return err
		}, usual},
		"no slots given back": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.Release(s.t.Context(), concurrency.Released{Names: []string{"tag:a"}, Occupancy: new(20 * time.Second)})
			return err
		}, usual},
		"a lease": {func(s *fixture, limits *concurrency.Service) error {
			id := s.acquire(0, lease(2, "tag:a"))
			pass(10 * time.Second)
			return limits.ReleaseLease(s.t.Context(), id)
		}, usual + (10-usual)/4},
		"a run": {func(s *fixture, limits *concurrency.Service) error {
			if _, err := limits.AcquireForRun(s.t.Context(), []string{"a"}, "run"); err != nil {
				return err
			}
			pass(10 * time.Second)
			_, err := limits.ReleaseForRun(s.t.Context(), []string{"a"}, "run")
			return err
		}, usual + (10-usual)/4},
		"a run that holds nothing": {func(s *fixture, limits *concurrency.Service) error {
			_, err := limits.ReleaseForRun(s.t.Context(), []string{"a"}, "run")
			return err
		}, usual},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("tag:a", 2)
				limits := s.replicas[0].limits
				if err := tt.use(s, limits); err != nil {
					s.t.Fatal(err)
				}
				if got := s.view(limits, "tag:a"); got.AvgSlotOccupancySeconds != tt.want || got.ActiveSlots != 0 {
					s.t.Errorf("average %v with %d slots taken, want %v with none", got.AvgSlotOccupancySeconds, got.ActiveSlots, tt.want)
				}
			})
		})
	}
}

func TestAcquireForRun_acquiresAllTagsOrNone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.limit("tag:a", 2)
		s.limit("tag:b", 1)
		s.limit("tag:none", 0)
		limits := s.replicas[0].limits
		if err := limits.Update(s.t.Context(), concurrency.Key{Name: "tag:none"}, concurrency.Change{Active: new(false)}); err != nil {
			s.t.Fatal(err)
		}
		slots := func() []int { return []int{s.taken("tag:a"), s.taken("tag:b")} }
		for range 2 { // the second time it has them
			views, err := limits.AcquireForRun(s.t.Context(), []string{"b", "a", "free", "none"}, "run")
			if err != nil || len(views) != 2 {
				s.t.Fatalf("limits %v, error %v, want those of a and b", views, err)
			}
			s.want("taken", []int{1, 1}, slots())
		}
		_, err := limits.AcquireForRun(s.t.Context(), []string{"a", "b"}, "second")
		if locked, ok := errors.AsType[*concurrency.LockedError](err); !ok || locked.Tag != "b" || locked.Never || locked.RetryAfter <= 0 {
			s.t.Errorf("error %#v, want locked by b", err)
		}
		s.want("taken after a denial", []int{1, 1}, slots())
		s.want("denied", 1, s.view(limits, "tag:b").DeniedSlots)
		if err := limits.Update(s.t.Context(), concurrency.Key{Name: "tag:none"}, concurrency.Change{Active: new(true)}); err != nil {
			s.t.Fatal(err)
		}
		_, err = limits.AcquireForRun(s.t.Context(), []string{"a", "none"}, "third")
		if locked, ok := errors.AsType[*concurrency.LockedError](err); !ok || locked.Tag != "none" || !locked.Never {
			s.t.Errorf("error %#v, want locked for good by none", err)
		}
		views, err := limits.ReleaseForRun(s.t.Context(), []string{"a", "b", "none"}, "run")
		if err != nil || len(views) != 3 {
			s.t.Errorf("limits %v, error %v, want all three", views, err)
		}
		s.want("taken afterwards", []int{0, 0}, slots())
	})
}

// cached is a store whose cache lags until it is refreshed.
type cached struct {
	*faulty
	fresh bool
}

func (c *cached) List(ctx context.Context) ([]*concurrency.Limit, error) {
	all, err := c.faulty.List(ctx)
	if !c.fresh {
		for i, l := range all {
			stale := *l
			stale.Leases = nil
			all[i] = &stale
		}
	}
	return all, err
}

func (c *cached) Refresh(ctx context.Context) error {
	c.fresh = true
	return c.faulty.Refresh(ctx)
}

func TestRenew_findsLeaseOfAnotherReplica(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refresh error
		want    error
	}{
		"the store can be read":    {},
		"the store cannot be read": {refresh: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.limit("x", 1)
				id := s.acquire(0, lease(1, "x"))
				_, store := s.overFaulty()
				store.errs["refresh"] = tt.refresh
				lagging := &cached{faulty: store}
				limits := concurrency.New(concurrency.Options{Namespace: "default", Store: lagging, Runs: s.runs, Clock: bubbleClock{}})
				if err := limits.Renew(s.t.Context(), id, time.Hour); !errors.Is(err, tt.want) {
					s.t.Errorf("renewal: %v, want %v", err, tt.want)
				}
				lagging.fresh = false
				if err := limits.ReleaseLease(s.t.Context(), id); !errors.Is(err, tt.want) {
					s.t.Errorf("release: %v, want %v", err, tt.want)
				}
				s.want("taken", map[bool]int{true: 0, false: 1}[tt.want == nil], s.taken("x"))
			})
		})
	}
}

func TestSweep_recordsDecayedSlots(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		limits, store := s.overFaulty()
		if _, err := limits.Create(s.t.Context(), concurrency.NewLimit{Name: "rate", Active: true, Limit: 4, SlotDecayPerSecond: 0.5}); err != nil {
			s.t.Fatal(err)
		}
		if _, _, err := limits.Acquire(s.t.Context(), concurrency.Acquisition{Names: []string{"rate"}, Slots: 4}); err != nil {
			s.t.Fatal(err)
		}
		for _, step := range []struct {
			after             time.Duration
			shown, wantWrites int
		}{{0, 4, 0}, {2 * time.Second, 3, 1}, {time.Minute, 0, 1}, {time.Minute, 0, 0}} {
			before := store.writes
			pass(step.after)
			if err := limits.Sweep(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
			all, err := s.limits.List(s.t.Context())
			if err != nil || all[0].ReportedActive != step.shown || store.writes-before != step.wantWrites {
				s.t.Errorf("%d are shown after %d writes, want %d after %d; error %v", all[0].ReportedActive, store.writes-before, step.shown, step.wantWrites, err)
			}
		}
	})
}

func TestSweeper_logsFailuresUnlessStopped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err      error
		ended    bool
		wantLogs int
	}{
		"sweeps succeed":         {},
		"sweeps fail":            {err: taskrun.ErrUnavailable, wantLogs: 3},
		"sweeps fail in the end": {err: taskrun.ErrUnavailable, ended: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				limits, store := s.overFaulty()
				ctx, end := context.WithCancel(s.t.Context())
				defer end()
				store.errs["list"] = tt.err
				var log bytes.Buffer
				sweeper := &concurrency.Sweeper{
					Namespaces: func() []string {
						if tt.ended {
							end()
						}
						return []string{"default"}
					},
					Service: func(string) *concurrency.Service { return limits }, Interval: time.Minute,
					Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				}
				ended := make(chan error)
				go func() { ended <- sweeper.Start(ctx) }()
				pass(3*time.Minute + time.Second)
				end()
				if err := <-ended; err != nil {
					s.t.Error(err)
				}
				if got := strings.Count(log.String(), "\n"); got != tt.wantLogs || store.calls["list"] == 0 {
					s.t.Errorf("%d lines after %d sweeps, want %d:\n%s", got, store.calls["list"], tt.wantLogs, log.String())
				}
			})
		})
	}
}
