package kube

import (
	"encoding/json"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// eventDecoder decodes the events of a watch of TaskRuns. An object that cannot be decoded
// is a placeholder. Of a deleted object and of a bookmark, only the metadata is decoded.
type eventDecoder struct {
	body   io.Closer
	frames *json.Decoder
	runs   *runDecoder
}

var _ watch.Decoder = (*eventDecoder)(nil)

func newEventDecoder(body io.ReadCloser) *eventDecoder {
	return &eventDecoder{body: body, frames: json.NewDecoder(body), runs: newRunDecoder()}
}

// Close ends the watch.
func (d *eventDecoder) Close() { _ = d.body.Close() }

// Decode waits for the next event.
func (d *eventDecoder) Decode() (watch.EventType, runtime.Object, error) {
	var next frame
	if err := d.frames.Decode(&next); err != nil {
		return "", nil, err
	}
	object, err := d.objectOf(&next)
	if err != nil {
		return "", nil, fmt.Errorf("decoding an event of TaskRuns: %w", err)
	}
	return next.Type, object, nil
}

func (d *eventDecoder) objectOf(f *frame) (runtime.Object, error) {
	switch f.Type {
	case watch.Added, watch.Modified:
		return d.runs.decode(f.Object)
	case watch.Deleted:
		return lastOf(v1alpha1.KindTaskRun, f.Object)
	case watch.Bookmark:
		bookmark := &metav1.PartialObjectMetadata{}
		return bookmark, json.Unmarshal(f.Object, bookmark)
	case watch.Error:
		status := &metav1.Status{}
		return status, json.Unmarshal(f.Object, status)
	default:
		return nil, fmt.Errorf("unexpected event %q", f.Type)
	}
}
