package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func leaseOf(name, version, workers string) coordinationv1.Lease {
	return coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: name, ResourceVersion: version, Annotations: map[string]string{annotationWorkers: workers},
	}}
}

// An outage of the API server ends no replica.
func TestRegistry_replicasSurviveAnOutage(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakeClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC))
	r := New(Options{Identity: "a", Clock: clock, Log: slog.New(slog.DiscardHandler)})
	want := func(what string, workers int, known bool) {
		t.Helper()
		if others, ok := r.In("runs").Others(); len(others) != workers || ok != known {
			t.Errorf("%s: %d workers of other replicas, known: %v, want %d, %v", what, len(others), ok, workers, known)
		}
	}
	want("before the first read", 0, false)
	read := func(version string) {
		r.replace("", r.Clock.Now(), []coordinationv1.Lease{leaseOf("b", version, `[{"namespace":"runs","id":"w","taskKeys":["k"]}]`)})
	}
	read("1")
	want("after it", 1, true)
	clock.Step(time.Minute)
	want("after an outage", 1, false)
	read("1")
	want("when the other replica had no time to renew", 1, true)
	for range int(leaseTimeout/interval) + 1 {
		clock.Step(interval)
		read("1")
	}
	want("when it had enough time", 0, true)
	read("2")
	want("when it renews again", 1, true)
	r.replace("", r.Clock.Now(), nil)
	want("when its Lease is deleted", 0, true)
}

func TestRegistry_separatesNamespaces(t *testing.T) {
	t.Parallel()
	r := New(Options{Identity: "a", Clock: testingclock.NewFakeClock(time.Now()), Log: slog.New(slog.DiscardHandler)})
	r.In("red").Announce([]delivery.Worker{{Namespace: "red", ID: "w", TaskKeys: []string{"k"}}})
	r.In("blue").Announce([]delivery.Worker{{Namespace: "blue", ID: "v"}})
	announced := r.lease().Annotations[annotationWorkers]
	other := New(Options{Identity: "b", Clock: r.Clock, Log: r.Log})
	other.replace("", r.Clock.Now(), []coordinationv1.Lease{leaseOf("a", "1", announced)})
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

// The Leases of another operator are read only while they are requested, and never
// deleted.
func TestRegistry_readsLeasesOfAnotherNamespaceWhileRequested(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakeClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC))
	r := New(Options{Identity: "a", Namespace: "ours", Clock: clock, Log: slog.New(slog.DiscardHandler)})
	due := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(r.due()))); diff != "" {
			t.Errorf("namespaces to read (-want +got):\n%s", diff)
		}
	}
	due("ours")
	if _, _, known := r.In("runs").ConnectedIn("theirs"); known {
		t.Error("Leases that were never read are known")
	}
	due("ours", "theirs")
	r.replace("theirs", r.Clock.Now(), []coordinationv1.Lease{leaseOf("a", "1", `[{"namespace":"runs","id":"w"}]`)})
	if workers, _, known := r.In("runs").ConnectedIn("theirs"); len(workers) != 1 || !known {
		t.Errorf("workers of the other operator: %v, known: %v", workers, known)
	}
	if workers, _ := r.In("runs").Others(); len(workers) != 0 {
		t.Errorf("workers of this operator's other replicas: %v", workers)
	}
	r.postpone("theirs", apierrors.NewForbidden(schema.GroupResource{}, "", nil))
	due("ours")
	clock.Step(foreignTTL / 2)
	due("ours", "theirs")
	clock.Step(foreignTTL)
	due("ours")
	for _, unfit := range []string{"", taskrun.NoLease, "no/name"} {
		if _, _, known := r.In("runs").ConnectedIn(unfit); known {
			t.Errorf("the Leases of %q are known", unfit)
		}
	}
	due("ours")
	for i := range 2 * maxForeign {
		r.In("runs").ConnectedIn(fmt.Sprint("other-", i))
	}
	if n := len(r.due()); n != maxForeign+1 {
		t.Errorf("%d namespaces are read, want %d", n, maxForeign+1)
	}
}

// failing is an API server that rejects every write with err.
type failing struct {
	client.Client

	err error
}

func (f *failing) Patch(context.Context, client.Object, client.Patch, ...client.PatchOption) error {
	return f.err
}

// A replica without permission for its Lease records NoLease in its deliveries. A
// replica that cannot reach the API server does not.
func TestRegistry_leaseNamespaceIsNoLeaseWhenLeaseIsRejected(t *testing.T) {
	t.Parallel()
	server := &failing{}
	r := New(Options{Client: server, Identity: "a", Namespace: "ours", Clock: testingclock.NewFakeClock(time.Time{}), Log: slog.New(slog.DiscardHandler)})
	for _, step := range []struct {
		err  error
		want string
	}{
		{err: errors.New("no connection"), want: "ours"},
		{err: apierrors.NewForbidden(schema.GroupResource{}, "", nil), want: taskrun.NoLease},
		{err: errors.New("no connection"), want: taskrun.NoLease},
		{want: "ours"},
	} {
		server.err = step.err
		_ = r.renew(t.Context())
		if got := r.In("runs").LeaseNamespace(); got != step.want {
			t.Errorf("after %v: namespace %q, want %q", step.err, got, step.want)
		}
	}
}

func TestRegistry_logsFirstFailureAndRecovery(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	server := &failing{err: errors.New("no connection")}
	r := New(Options{Client: server, Identity: "a", Clock: testingclock.NewFakeClock(time.Time{}), Log: slog.New(slog.NewTextHandler(&lines, nil))})
	for range 100 {
		r.call(t.Context(), renewOwn, "ours", r.renew)
	}
	server.err = nil
	for range 100 {
		r.call(t.Context(), renewOwn, "ours", r.renew)
	}
	if n := strings.Count(lines.String(), "\n"); n != 2 {
		t.Errorf("%d lines, want 2:\n%s", n, &lines)
	}
}
