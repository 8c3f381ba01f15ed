package kube

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

// The reader for the controllers returns the fields that identify an object, and no
// status that could be written back.
func TestObjects_returnIdentifyingFieldsOnly(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	c := &Cluster{index: ingest.index}
	store := storeIn(ingest.index)
	must(store.Add(objecttest.Version("a", "u", 7, objecttest.WithID(idA), objecttest.WithState(stateA))))
	must(store.Add(objecttest.Version("deleting", "v", 8, objecttest.Deleting)))
	deliver(t, ingest, event(watch.Added, textOf(t, "broken", 9, false)))
	reader := c.Objects(nil)
	read := func(namespace, name string) (*v1alpha1.TaskRun, error) {
		o := &v1alpha1.TaskRun{Status: v1alpha1.TaskRunStatus{Name: "earlier"}}
		return o, reader.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o)
	}
	want := &v1alpha1.TaskRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a", UID: "u", ResourceVersion: "7", Generation: 1},
		Spec:       v1alpha1.TaskRunSpec{ID: idA},
	}
	o, err := read("default", "a")
	if diff := cmp.Diff(want, o); diff != "" || err != nil {
		t.Errorf("error %v, object (-want +got):\n%s", err, diff)
	}
	for _, key := range [][2]string{{"default", "deleting"}, {"default", "broken"}, {"default", "none"}, {"other", "a"}} {
		if _, err := read(key[0], key[1]); !apierrors.IsNotFound(err) {
			t.Errorf("%v: error %v, want that it is not found", key, err)
		}
	}
	var names []string
	c.EachObject(func(namespace, name string) { names = append(names, namespace+"/"+name) })
	if diff := cmp.Diff([]string{"default/a"}, names); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

// Objects of other kinds are read from the other reader.
func TestObjects_readsOtherKindsElsewhere(t *testing.T) {
	t.Parallel()
	asked := 0
	others := interceptor.NewClient(nil, interceptor.Funcs{Get: func(
		_ context.Context, _ client.WithWatch, _ client.ObjectKey, _ client.Object, _ ...client.GetOption,
	) error {
		asked++
		return nil
	}})
	reader := (&Cluster{index: NewIngest(nil, nil).index}).Objects(others)
	if err := reader.Get(t.Context(), client.ObjectKey{Name: "p"}, &v1alpha1.StateProposal{}); err != nil || asked != 1 {
		t.Errorf("error %v, %d calls of the other reader, want one", err, asked)
	}
}
