package concurrency_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

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
		"without use":                {concurrency.NewLimit{Name: "x", Active: true, Limit: 3}, concurrency.View{Active: true, Limit: 3}},
		"with used slots":            {concurrency.NewLimit{Name: "x", Limit: 3, ActiveSlots: 2}, concurrency.View{Limit: 3, ActiveSlots: 2}},
		"with denied slots":          {concurrency.NewLimit{Name: "x", Limit: 3, DeniedSlots: 4}, concurrency.View{Limit: 3, DeniedSlots: 4}},
		"with used and denied slots": {concurrency.NewLimit{Name: "x", ActiveSlots: 1, DeniedSlots: 4}, concurrency.View{ActiveSlots: 1, DeniedSlots: 4}},
		"with decay":                 {concurrency.NewLimit{Name: "x", SlotDecayPerSecond: 0.5}, concurrency.View{SlotDecayPerSecond: 0.5}},
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
		"the limit does not exist":                            {caller: allow, wantCreated: true},
		"the limit exists":                                    {caller: allow, there: true},
		"it does not exist, and the caller may not create it": {caller: forbid, wantErr: taskrun.ErrForbidden},
		"it exists, and the caller may not create limits":     {caller: forbid, there: true},
		"no limit can be stored":                              {caller: allow, errs: map[string]error{"create": taskrun.ErrUnavailable}, wantErr: taskrun.ErrUnavailable},
		"the limits cannot be read":                           {caller: allow, errs: map[string]error{"list": taskrun.ErrUnavailable}, wantErr: taskrun.ErrUnavailable},
		"the slots cannot be stored":                          {caller: allow, there: true, terms: taskrun.ErrUnavailable, wantErr: taskrun.ErrUnavailable},
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
		limits := concurrency.New(concurrency.Options{Namespace: "default", Store: racing{store}, Runs: s.runs, Clock: clock.RealClock{}})
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
			s.t.Errorf("for a caller that has left: %v, error %v", views, err)
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
		"nothing":             {concurrency.Change{}, func(*concurrency.View) {}, 0},
		"the name":            {concurrency.Change{Name: new("y")}, func(v *concurrency.View) { v.Name = "y" }, 0},
		"the same name":       {concurrency.Change{Name: new("x")}, func(*concurrency.View) {}, 0},
		"active":              {concurrency.Change{Active: new(false)}, func(v *concurrency.View) { v.Active = false }, 0},
		"the number of slots": {concurrency.Change{Limit: new(9)}, func(v *concurrency.View) { v.Limit = 9 }, 0},
		"the decay":           {concurrency.Change{SlotDecayPerSecond: new(0.25)}, func(v *concurrency.View) { v.SlotDecayPerSecond = 0.25 }, 0},
		"the used slots":      {concurrency.Change{ActiveSlots: new(2)}, func(v *concurrency.View) { v.ActiveSlots = 2 }, 1},
		"the denied slots":    {concurrency.Change{DeniedSlots: new(7)}, func(v *concurrency.View) { v.DeniedSlots = 7 }, 1},
		"both":                {concurrency.Change{ActiveSlots: new(0), DeniedSlots: new(0)}, func(v *concurrency.View) { v.ActiveSlots, v.DeniedSlots = 0, 0 }, 1},
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
		"once":                                     {conflicts: 1, wantTerms: 2},
		"as many conflicts as attempts":            {conflicts: 39, wantTerms: 40},
		"more conflicts than attempts":             {conflicts: 40, want: taskrun.ErrConflict, wantTerms: 40},
		"a conflict, and the limit cannot be read": {conflicts: 1, reload: taskrun.ErrNotFound, want: taskrun.ErrNotFound, wantTerms: 1},
		"an unavailable store":                     {err: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable, wantTerms: 1},
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
