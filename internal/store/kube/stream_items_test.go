package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

// The run of an object does not depend on the decoder.
func TestStreamItems_decodesLikeOtherDecoders(t *testing.T) {
	t.Parallel()
	o := objecttest.NewFleet().Object(t, 7)
	want := convert.RunFromObject(o.DeepCopy())
	text, err := json.Marshal(v1alpha1.TaskRunList{Items: []v1alpha1.TaskRun{*o}})
	if err != nil {
		t.Fatal(err)
	}
	ingest := NewIngest(nil, nil)
	if _, err := streamItems(bytes.NewReader(text), adding(ingest)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, ingest.index.Namespace("default").ByID(o.Spec.ID)); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestStreamItems_returnsTheListWithoutItems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ answer, rest string }{
		"other fields of the list are kept": {
			`{"kind":"TaskRunList","items":[{"metadata":{"name":"a","uid":"u"}}],"metadata":{"resourceVersion":"7"}}`,
			`{"items":[],"kind":"TaskRunList","metadata":{"resourceVersion":"7"}}`,
		},
		"an empty list of items": {`{"metadata":{},"items":null}`, `{"items":[],"metadata":{}}`},
		"a list without items":   {`{"metadata":{}}`, `{"metadata":{}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest, err := streamItems(strings.NewReader(test.answer), adding(NewIngest(nil, nil)))
			if diff := cmp.Diff(test.rest, string(rest)); diff != "" || err != nil {
				t.Errorf("error %v, rest (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestStreamItems_invalidListIsAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nothing":                       ``,
		"an array":                      `[]`,
		"an end between the fields":     `{"metadata":{}`,
		"an end within a field":         `{"metadata":`,
		"an end between the items":      `{"items":[{"metadata":{"name":"a","uid":"u"}}`,
		"an end within an item":         `{"items":[{"metadata"`,
		"an end before the items":       `{"items":`,
		"items that are not a list":     `{"items":{}}`,
		"an item that is not an object": `{"items":[7]}`,
		"text that is not JSON":         `{"items":[}`,
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest, err := streamItems(strings.NewReader(answer), adding(NewIngest(nil, nil)))
			if err == nil || errors.Is(err, io.EOF) {
				t.Errorf("read %q, error %v, want one that is not a regular end", rest, err)
			}
		})
	}
}

// adding adds objects to the index.
func adding(ingest *Ingest) func(runtime.Object) error {
	store := storeIn(ingest.index)
	return func(o runtime.Object) error { return store.Add(o) }
}

// An error about an item ends the list.
func TestStreamItems_endsWithTheErrorOfAnItem(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	_, err := streamItems(listOf(t, 90, "ab"), func(runtime.Object) error { return failed })
	if !errors.Is(err, failed) {
		t.Errorf("error %v, want that of the item", err)
	}
}
