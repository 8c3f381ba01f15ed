package kube

import (
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
)

// The first version with a use determines when the use was received. A change of
// the spec, and a version that is read again, have the same use.
func TestReceived_isSetOncePerUse(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := testingclock.NewFakeClock(begin)
	limits := &limitIndex{namespaces: map[string]*namespaceLimits{}, undecodables: index.New(nil, nil).Undecodables(), clock: clock}
	put := func(version string, updated time.Duration) *concurrency.Limit {
		o := &v1alpha1.ConcurrencyLimit{}
		o.Namespace, o.Name, o.UID, o.ResourceVersion = "default", "a", "a", version
		o.Status.UpdatedTime = new(v1alpha1.NewMicroTime(begin.Add(updated)))
		return limits.namespace("default").put(o)
	}
	for _, step := range []struct {
		name    string
		version string
		updated time.Duration
		want    time.Duration
	}{
		{"the first version", "5", 0, 0},
		{"a change of the spec", "6", 0, 0},
		{"the same version, read again", "6", 0, 0},
		{"a use", "7", time.Second, 3 * time.Minute},
		{"a change of the spec after it", "8", time.Second, 3 * time.Minute},
	} {
		if got := put(step.version, step.updated).Received; !got.Equal(begin.Add(step.want)) {
			t.Errorf("%s: received at %v, want %v", step.name, got, begin.Add(step.want))
		}
		clock.Step(time.Minute)
	}
}
