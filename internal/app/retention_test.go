//go:build apiserver

package app

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// keptFor sets the default TTL of the program.
func keptFor(ttl time.Duration) func(*Options) {
	return func(o *Options) { o.Controller.FinishedTTL = ttl }
}

// finish makes a run COMPLETED and returns the run as its end was written.
func (c *cluster) finish(t *testing.T, name string, spec v1alpha1.TaskRunSpec) *v1alpha1.TaskRun {
	t.Helper()
	c.apply(t, name, spec)
	c.propose(t, name, "COMPLETED")
	return c.await(t, name, "is COMPLETED", inState("COMPLETED"))
}

// lifetime returns the time from the end of the run to status.expirationTime, 0 if it is
// not set.
func lifetime(run *v1alpha1.TaskRun) time.Duration {
	if run.Status.ExpirationTime == nil {
		return 0
	}
	return run.Status.ExpirationTime.Sub(run.Status.UpdatedTime.Time)
}

func (c *cluster) awaitGone(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		eventually(t, name+" is deleted", func() bool { return c.get(t, name) == nil }, func() { t.Logf("%+v", c.get(t, name)) })
	}
}

func TestExpirationTime_isWrittenWithTheEnd(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	start(t, env.Config, c.namespace, keptFor(time.Hour))
	for name, tc := range map[string]struct {
		ttl  *int32
		want time.Duration
	}{
		"default": {nil, time.Hour},
		"shorter": {new(int32(60)), time.Minute},
		"longer":  {new(int32(7200)), 2 * time.Hour},
	} {
		run := c.finish(t, name, v1alpha1.TaskRunSpec{TTLSecondsAfterFinished: tc.ttl})
		if got := lifetime(run); got != tc.want {
			t.Errorf("%s: expirationTime is %v after the end, want %v", name, got, tc.want)
		}
	}
	c.patch(t, "default", `{"spec":{"ttlSecondsAfterFinished":120}}`)
	c.await(t, "default", "has a new expiration time", func(run *v1alpha1.TaskRun) bool { return lifetime(run) == 2*time.Minute })
	c.patch(t, "default", `{"spec":{"ttlSecondsAfterFinished":null}}`)
	c.await(t, "default", "has that of the default", func(run *v1alpha1.TaskRun) bool { return lifetime(run) == time.Hour })
	c.proposeAs(t, "default", v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "PENDING"}, Force: true})
	run := c.await(t, "default", "is PENDING", inState("PENDING"))
	if run.Status.ExpirationTime != nil {
		t.Errorf("expirationTime = %v of a run that is not finished", run.Status.ExpirationTime)
	}
	initial := v1alpha1.TaskRunSpec{InitialState: &v1alpha1.ProposedState{Type: "FAILED"}}
	c.apply(t, "born-failed", initial)
	c.await(t, "born-failed", "expires", func(run *v1alpha1.TaskRun) bool { return run.Status.ExpirationTime != nil })
}

func TestExpirationTime_isShownByKubectl(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	start(t, env.Config, c.namespace, keptFor(time.Hour))
	run := c.finish(t, "hello", v1alpha1.TaskRunSpec{})
	assets, err := controlplane.Assets(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	kubectl := filepath.Join(assets, "kubectl")
	out, err := exec.CommandContext(t.Context(), kubectl, "--kubeconfig", env.Kubeconfig(t), "--namespace", c.namespace,
		"get", "trun", "hello", "-o", "jsonpath={.status.expirationTime}").CombinedOutput()
	want := run.Status.ExpirationTime.UTC().Format("2006-01-02T15:04:05.000000Z")
	if err != nil || string(out) != want {
		t.Errorf("kubectl shows %q, %v, want %s", out, err, want)
	}
}

func TestDefaultTTL_appliesToRunsWithoutATTL(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	before := start(t, env.Config, c.namespace, nil)
	old := c.finish(t, "finished-before", v1alpha1.TaskRunSpec{})
	if old.Status.ExpirationTime != nil {
		t.Errorf("expirationTime = %v without a TTL", old.Status.ExpirationTime)
	}
	c.finish(t, "own-ttl", v1alpha1.TaskRunSpec{TTLSecondsAfterFinished: new(int32(3600))})
	c.apply(t, "unfinished", v1alpha1.TaskRunSpec{})
	c.await(t, "unfinished", "is PENDING", inState("PENDING"))
	before.stop()
	start(t, env.Config, c.namespace, keptFor(time.Second))
	c.awaitGone(t, "finished-before")
	c.finish(t, "finished-after", v1alpha1.TaskRunSpec{TTLSecondsAfterFinished: new(int32(3600))})
	c.patch(t, "finished-after", `{"spec":{"ttlSecondsAfterFinished":null}}`)
	c.awaitGone(t, "finished-after")
	for _, name := range []string{"own-ttl", "unfinished"} {
		if c.get(t, name) == nil {
			t.Errorf("%s was deleted", name)
		}
	}
}

// annotate sets the default TTL of the namespace; "-" removes it.
func (c *cluster) annotate(t *testing.T, ttl string) {
	t.Helper()
	value := fmt.Sprintf("%q", ttl)
	if ttl == "-" {
		value = "null"
	}
	namespace := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace},
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%s}}}`, v1alpha1.AnnotationFinishedTTL, value)
	if err := c.Patch(t.Context(), namespace, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// One program serves all namespaces, each with another rule.
func TestDefaultTTL_annotationOverridesTheFlag(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	in := func(annotation string) *cluster {
		c := newCluster(t, env.Config, env.Namespace(t))
		c.annotate(t, annotation)
		return c
	}
	standard, kept, short, bad := in("-"), in("0"), in("1s"), in("7d")
	start(t, env.Config, standard.namespace, func(o *Options) {
		o.Scope.Watch, o.Controller.FinishedTTL = nil, time.Hour
	})
	for _, c := range []*cluster{kept, bad} {
		if got := lifetime(c.finish(t, "hello", v1alpha1.TaskRunSpec{})); got != 0 {
			t.Errorf("%s: lifetime %v, want none", c.namespace, got)
		}
	}
	if got := lifetime(standard.finish(t, "hello", v1alpha1.TaskRunSpec{})); got != time.Hour {
		t.Errorf("lifetime %v without an annotation, want that of the flag", got)
	}
	short.apply(t, "hello", v1alpha1.TaskRunSpec{})
	short.propose(t, "hello", "COMPLETED")
	short.awaitGone(t, "hello")
	bad.awaitNamespaceEvent(t, `Finished TaskRuns are kept: the annotation taskrun.dev/finished-ttl is not valid: "7d"`)

	// The rules change for runs that have already finished.
	kept.annotate(t, "2h")
	kept.await(t, "hello", "has the new lifetime", func(run *v1alpha1.TaskRun) bool { return lifetime(run) == 2*time.Hour })
	kept.annotate(t, "0")
	kept.await(t, "hello", "is kept", func(run *v1alpha1.TaskRun) bool { return run.Status.ExpirationTime == nil })
	bad.annotate(t, "-")
	bad.await(t, "hello", "has the lifetime of the flag", func(run *v1alpha1.TaskRun) bool { return lifetime(run) == time.Hour })
	standard.annotate(t, "1s")
	standard.awaitGone(t, "hello")
	if kept.get(t, "hello") == nil || bad.get(t, "hello") == nil {
		t.Error("a run of another namespace was deleted")
	}
}

// awaitNamespaceEvent waits for an Event on the namespace with this prefix.
func (c *cluster) awaitNamespaceEvent(t *testing.T, beginning string) {
	t.Helper()
	eventually(t, "an event on the namespace", func() bool {
		var list eventsv1.EventList
		if err := c.List(t.Context(), &list, client.InNamespace(c.namespace)); err != nil {
			t.Fatal(err)
		}
		for _, event := range list.Items {
			if event.Regarding.Kind == "Namespace" && event.Type == corev1.EventTypeWarning &&
				event.Reason == v1alpha1.ReasonInvalidFinishedTTL && strings.HasPrefix(event.Note, beginning) {
				return true
			}
		}
		return false
	}, func() {})
}

// A run on hold and a duplicate are kept.
func TestDefaultTTL_keepsRunsOnHoldAndDuplicates(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	ended := &v1alpha1.ProposedState{Type: "COMPLETED"}
	held := &v1alpha1.TaskRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "held", Annotations: map[string]string{v1alpha1.AnnotationHold: ""}},
		Spec:       v1alpha1.TaskRunSpec{TaskKey: new("hello"), InitialState: ended},
	}
	if err := c.Create(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	const id = "0198a1b2-0000-7000-8000-000000000009"
	first := c.apply(t, "first", v1alpha1.TaskRunSpec{ID: id})
	eventually(t, "another second", func() bool { return time.Since(first.CreationTimestamp.Time) >= time.Second }, func() {})
	c.apply(t, "second", v1alpha1.TaskRunSpec{ID: id, InitialState: ended})
	start(t, env.Config, c.namespace, keptFor(time.Millisecond))
	c.apply(t, "other", v1alpha1.TaskRunSpec{InitialState: ended})
	c.awaitGone(t, "other")
	c.awaitEvent(t, "second", "Warning DuplicateID")
	for _, name := range []string{"held", "first", "second"} {
		if c.get(t, name) == nil {
			t.Errorf("%s was deleted", name)
		}
	}
	if err := c.Patch(t.Context(), held, client.RawPatch(types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"taskrun.dev/hold":null}}}`))); err != nil {
		t.Fatal(err)
	}
	c.awaitGone(t, "held")
}
