// Package objecttest creates TaskRun objects for the tests of the index and of the store
// on TaskRun objects.
package objecttest

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubejson "k8s.io/apimachinery/pkg/util/json"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// Version returns a version of an object as the API server returns it, in the namespace
// default.
func Version(name string, uid types.UID, version int, change ...func(*v1alpha1.TaskRun)) *v1alpha1.TaskRun {
	o := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: name, UID: uid, ResourceVersion: strconv.Itoa(version), Generation: 1,
		CreationTimestamp: metav1.NewTime(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)),
	}}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TaskRun"))
	o.Spec.TaskKey = new("greet")
	o.Spec.Name = "version " + strconv.Itoa(version)
	for _, c := range change {
		c(o)
	}
	return o
}

// WithID sets spec.id.
func WithID(id string) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) { o.Spec.ID = id }
}

// WithKey sets spec.dynamicKey.
func WithKey(key string) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) { o.Spec.DynamicKey = &key }
}

// WithState sets the id of the initial state.
func WithState(id string) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) {
		o.Spec.InitialState, o.Spec.Origin = &v1alpha1.ProposedState{Type: "PENDING"}, &v1alpha1.Origin{StateID: id}
	}
}

// CreatedAfter moves the creation time by some seconds.
func CreatedAfter(seconds int) func(*v1alpha1.TaskRun) {
	return func(o *v1alpha1.TaskRun) {
		o.CreationTimestamp = metav1.NewTime(o.CreationTimestamp.Add(time.Duration(seconds) * time.Second))
	}
}

// Deleting marks the object as being deleted. Only finalizers keep it.
func Deleting(o *v1alpha1.TaskRun) {
	o.DeletionTimestamp = new(metav1.NewTime(o.CreationTimestamp.Time))
}

// Copy encodes and decodes an object, so that the copy shares no memory with it.
func Copy(tb testing.TB, o *v1alpha1.TaskRun) *v1alpha1.TaskRun {
	tb.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	decoded := &v1alpha1.TaskRun{}
	if err := kubejson.Unmarshal(text, decoded); err != nil {
		tb.Fatal(err)
	}
	return decoded
}
