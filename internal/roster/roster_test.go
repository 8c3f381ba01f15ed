package roster

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
)

type clockAt struct{ now time.Time }

func (c *clockAt) Now() time.Time { return c.now }

func leaseOf(name, version, workers string) coordinationv1.Lease {
	return coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: name, ResourceVersion: version, Annotations: map[string]string{annotationWorkers: workers},
	}}
}

// Nobody is dead because nobody could be asked.
func TestTheOthersAreNotDeadAfterASilence(t *testing.T) {
	t.Parallel()
	clock := &clockAt{now: time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)}
	r := New(Options{Identity: "a", Clock: clock, Log: slog.New(slog.DiscardHandler)})
	want := func(what string, workers int, known bool) {
		t.Helper()
		if others, ok := r.In("runs").Others(); len(others) != workers || ok != known {
			t.Errorf("%s: %d workers elsewhere, known: %v, want %d, %v", what, len(others), ok, workers, known)
		}
	}
	want("before the first look", 0, false)
	read := func(version string) {
		r.take([]coordinationv1.Lease{leaseOf("b", version, `[{"namespace":"runs","id":"w","taskKeys":["k"]}]`)})
	}
	read("1")
	want("after it", 1, true)
	clock.now = clock.now.Add(time.Minute)
	want("after a silence", 1, false)
	read("1")
	want("when the other one had no time to renew yet", 1, true)
	for range int(lapse/interval) + 1 {
		clock.now = clock.now.Add(interval)
		read("1")
	}
	want("when it had time enough", 0, true)
	read("2")
	want("when it renews after all", 1, true)
	r.take(nil)
	want("when its Lease is gone", 0, true)
}

// What works in one namespace is nobody in another.
func TestWorkersBelongToTheirNamespace(t *testing.T) {
	t.Parallel()
	r := New(Options{Identity: "a", Clock: &clockAt{now: time.Now()}, Log: slog.New(slog.DiscardHandler)})
	r.In("red").Announce([]delivery.Worker{{Namespace: "red", ID: "w", TaskKeys: []string{"k"}}})
	r.In("blue").Announce([]delivery.Worker{{Namespace: "blue", ID: "v"}})
	told := r.lease().Annotations[annotationWorkers]
	other := New(Options{Identity: "b", Clock: r.Clock, Log: r.Log})
	other.take([]coordinationv1.Lease{leaseOf("a", "1", told)})
	for namespace, want := range map[string][]string{"red": {"w"}, "blue": {"v"}, "green": nil} {
		workers, _ := other.In(namespace).Others()
		var got []string
		for _, worker := range workers {
			got = append(got, worker.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("workers of %s (-want +got):\n%s", namespace, diff)
		}
	}
}
