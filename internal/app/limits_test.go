//go:build apiserver

package app

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// A limit has conditions before it is used. Of two limits with one tag, the younger
// one has a condition and an Event that it does not apply.
func TestLimit_statusShowsWhetherItApplies(t *testing.T) {
	t.Parallel()
	c := running(t)
	apply := func(name string) {
		t.Helper()
		object := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
		object.Spec.Tag, object.Spec.Slots = new("database"), new(int32(3))
		if err := c.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	await := func(name, what string, wanted func(*v1alpha1.ConcurrencyLimit) bool) {
		t.Helper()
		object := &v1alpha1.ConcurrencyLimit{}
		eventually(t, name+" "+what, func() bool {
			err := c.Get(t.Context(), client.ObjectKey{Namespace: c.namespace, Name: name}, object)
			return err == nil && object.Status.ObservedGeneration == object.Generation && wanted(object)
		}, func() { t.Logf("status: %+v", object.Status) })
	}
	apply("older")
	await("older", "is ready", isReady)
	<-time.After(1100 * time.Millisecond) // creation times have a precision of seconds
	apply("younger")
	await("younger", "is stalled", (*v1alpha1.ConcurrencyLimit).IsStalled)
	const want = "Warning DuplicateName ConcurrencyLimit older is older and has the same tag. Change spec.tag, or delete one of the two."
	c.awaitEvent(t, "younger", want)
	if err := c.Delete(t.Context(), &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "older"}}); err != nil {
		t.Fatal(err)
	}
	await("younger", "is ready", isReady)
	for _, event := range c.events(t, "older") {
		if strings.Contains(event, v1alpha1.ReasonDuplicateName) {
			t.Errorf("the older limit has the Event %q", event)
		}
	}
}

func isReady(o *v1alpha1.ConcurrencyLimit) bool {
	return !o.IsStalled() && meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady)
}
