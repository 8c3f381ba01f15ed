package kube

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// metadata is a response with only the metadata.
const metadata = `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"x","namespace":"default",` +
	`"uid":"u","resourceVersion":"8","generation":1,"creationTimestamp":"2026-08-21T10:00:00Z"}}`

// answering returns a store whose calls all get one response, and the Accept
// header of the last call.
func answering(t *testing.T, text string) (*Store, *string) {
	t.Helper()
	accept := new(string)
	s := newCluster(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		*accept = r.Header.Get("Accept")
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write([]byte(text)); err != nil {
			t.Error(err)
		}
	}).Namespace("default")
	return s, accept
}

func TestDirect_metadataIsASufficientResponse(t *testing.T) {
	t.Parallel()
	s, accept := answering(t, metadata)
	known := s.index.PutObject(objecttest.Version("x", "u", 7, objecttest.WithID(idA)))
	got, err := s.UpdateProgress(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	if *accept != metadataOnly {
		t.Errorf("asked for %q, want metadata", *accept)
	}
	want := *known
	want.Ref.ResourceVersion, want.StatusStale = "8", false
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if held, err := s.Get(t.Context(), idA); err != nil || held != got {
		t.Errorf("the index holds %+v, error %v, want what was written", held, err)
	}
}

// If the index does not have the base version, the whole object is needed.
func TestDirect_writeOverUnknownVersionReadsTheWholeResponse(t *testing.T) {
	t.Parallel()
	s, accept := answering(t, `{"kind":"TaskRun","apiVersion":"taskrun.dev/v1alpha1","metadata":{"name":"x","namespace":"default",`+
		`"uid":"u","resourceVersion":"9"},"spec":{"id":"`+idA+`","taskKey":"theirs"}}`)
	stale := *s.index.PutObject(objecttest.Version("x", "u", 7, objecttest.WithID(idA)))
	s.index.PutObject(objecttest.Version("x", "u", 8, objecttest.WithID(idA)))
	got, err := s.UpdateProgress(t.Context(), &stale)
	if err != nil {
		t.Fatal(err)
	}
	if got.TaskKey != "theirs" || *accept == metadataOnly {
		t.Errorf("got task key %q, asked for %q", got.TaskKey, *accept)
	}
}

func TestDirect_responseWithoutAnObjectIsAnError(t *testing.T) {
	t.Parallel()
	s, _ := answering(t, `{}`)
	run, err := s.Create(t.Context(), &taskrun.Run{ID: idA})
	if err == nil {
		t.Errorf("got run %+v, want an error", run)
	}
}
