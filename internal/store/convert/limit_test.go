package convert

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestLimit_roundTrip(t *testing.T) {
	t.Parallel()
	const id, other = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	at := time.Date(2031, 2, 3, 4, 5, 6, 7000, time.UTC)
	second := at.Truncate(time.Second)
	for name, change := range map[string]func(*concurrency.Limit){
		"a new limit":                   func(*concurrency.Limit) {},
		"a limit on a tag":              func(l *concurrency.Limit) { l.Name = "tag:database" },
		"a limit on the empty tag":      func(l *concurrency.Limit) { l.Name = "tag:" },
		"a limit named like its object": func(l *concurrency.Limit) { l.Name = id },
		"inactive":                      func(l *concurrency.Limit) { l.Active = false },
		"without slots":                 func(l *concurrency.Limit) { l.Slots = 0 },
		"the smallest decay":            func(l *concurrency.Limit) { l.Decay = math.SmallestNonzeroFloat64 },
		"the largest decay":             func(l *concurrency.Limit) { l.Decay = math.MaxFloat64 },
		"numbers of many digits": func(l *concurrency.Limit) {
			l.Decay, l.Occupancy, l.Anonymous = 0.1+0.2, 100.0/3, concurrency.AnonymousSlots{Slots: 1e-7, UpdatedAt: at}
		},
		"stalled": func(l *concurrency.Limit) {
			l.Recorded = concurrency.Recorded{Generation: 3, Stalled: "why", Since: second}
		},
		"recorded": func(l *concurrency.Limit) { l.Recorded = concurrency.Recorded{Generation: 3, Since: second} },
		"with holders": func(l *concurrency.Limit) {
			l.Leases = []concurrency.SlotLease{
				{ID: "a", Slots: 1, Kind: concurrency.KindTaskRun, Holder: id, ObjectName: id, ObjectUID: other, StateID: other, Since: at, Until: &at},
				{ID: "b", Slots: 2, Kind: concurrency.KindTaskRun, Holder: id, ObjectName: "load", ObjectUID: id, Since: at},
				{ID: "c", Slots: 3, Kind: concurrency.KindTaskRun, Holder: id, Since: at},
				{ID: "d", Slots: 4, Kind: "flow_run", Holder: id, Since: at, Names: []string{"x", "tag:y"}},
				{ID: "e", Slots: 5, Since: at},
			}
		},
	} {
		want := &concurrency.Limit{
			ID: id, Name: "calls", Created: at, Updated: at.Add(time.Hour), Active: true, Slots: 3, Occupancy: 2, Denied: 4, ReportedActive: 1,
			Anonymous: concurrency.AnonymousSlots{UpdatedAt: at},
			Recorded:  concurrency.Recorded{Generation: 1, Since: second},
			Revision:  taskrun.ObjectRef{UID: "uid", ResourceVersion: "5", Name: id, Generation: 3},
		}
		change(want)
		object := LimitToObject(want, "default")
		object.UID, object.ResourceVersion, object.Generation = "uid", "5", 3
		object.Status = UseToObject(want)
		for _, text := range []*string{object.Status.AnonymousSlots, object.Status.AvgSlotOccupancySeconds} {
			if text != nil && len(*text) > 32 {
				t.Errorf("%s: %s is too long", name, *text)
			}
		}
		if len(object.Spec.SlotDecayPerSecond.Raw) > 32 {
			t.Errorf("%s: %s is too long", name, object.Spec.SlotDecayPerSecond.Raw)
		}
		if diff := cmp.Diff(want, LimitFromObject(object)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLimitFromObject_createdByAUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*v1alpha1.ConcurrencyLimit)
		want   func(*concurrency.Limit) any
		is     any
	}{
		"the name of the object":                            {func(*v1alpha1.ConcurrencyLimit) {}, func(l *concurrency.Limit) any { return l.Name }, "calls"},
		"the name in the spec":                              {func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Name = "x" }, func(l *concurrency.Limit) any { return l.Name }, "x"},
		"the name of the tag":                               {func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Tag = new("x") }, func(l *concurrency.Limit) any { return l.Name }, "tag:x"},
		"the uid of the object is the id":                   {func(*v1alpha1.ConcurrencyLimit) {}, func(l *concurrency.Limit) any { return l.ID }, "uid"},
		"the uid of the object is the id despite an origin": {func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Origin = &v1alpha1.LimitOrigin{} }, func(l *concurrency.Limit) any { return l.ID }, "uid"},
		"a decay as a number":                               {decays("0.5"), func(l *concurrency.Limit) any { return l.Decay }, 0.5},
		"a decay as a text":                                 {decays(`"0.5"`), func(l *concurrency.Limit) any { return l.Decay }, 0.5},
		"a decay that is too large":                         {decays(`"1e999"`), func(l *concurrency.Limit) any { return l.Decay }, math.MaxFloat64},
		"without a decay":                                   {decays(""), func(l *concurrency.Limit) any { return l.Decay }, 0.0},
		"without conditions": {
			change: func(o *v1alpha1.ConcurrencyLimit) {
				o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, LastTransitionTime: metav1.Now()}}
			},
			want: func(l *concurrency.Limit) any { return l.Recorded },
			is:   concurrency.Recorded{},
		},
	} {
		object := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Name: "calls", UID: "uid"}}
		c.change(object)
		if diff := cmp.Diff(c.is, c.want(LimitFromObject(object))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func decays(text string) func(*v1alpha1.ConcurrencyLimit) {
	return func(o *v1alpha1.ConcurrencyLimit) { o.Spec.SlotDecayPerSecond = v1alpha1.Number{Raw: text} }
}
