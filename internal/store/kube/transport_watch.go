package kube

import (
	"encoding/json"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// informerKey is the context key of the kind of an informer's objects.
type informerKey struct{}

// framesBody is a watch whose objects have all been decoded once. The frame of an object
// that cannot be decoded has its placeholder, so that it does not end the watch, and its
// earlier version is removed.
type framesBody struct {
	io.Closer

	kind   string
	frames *json.Decoder
	rest   []byte // of the frame that is being read
}

func newFramesBody(kind string, response io.ReadCloser) *framesBody {
	return &framesBody{Closer: response, kind: kind, frames: json.NewDecoder(response)}
}

// frame is one event of a watch.
type frame struct {
	Type   watch.EventType `json:"type"`
	Object json.RawMessage `json:"object"`
}

func (b *framesBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		var next frame
		if err := b.frames.Decode(&next); err != nil {
			return 0, err
		}
		if err := b.admit(&next); err != nil {
			return 0, err
		}
		text, err := json.Marshal(next)
		if err != nil {
			return 0, fmt.Errorf("encoding an event of a watch: %w", err)
		}
		text = append(text, '\n')
		b.rest = text
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// admit replaces the object of a frame by what the informer gets.
func (b *framesBody) admit(f *frame) error {
	switch f.Type {
	case watch.Added, watch.Modified:
	case watch.Deleted:
		last, err := lastOf(b.kind, f.Object)
		if err != nil {
			return err
		}
		f.Object, err = json.Marshal(last)
		return err
	default: // bookmarks and errors have no object
		return nil
	}
	text, _, err := withoutFractions(b.kind, f.Object)
	if err == nil {
		f.Object = text
		return nil
	}
	object, err := placeholderOf(b.kind, f.Object, err)
	if err == nil {
		f.Object, err = json.Marshal(object)
	}
	return err
}

// lastOf returns the metadata of a deleted object, without decoding the rest.
func lastOf(kind string, text []byte) (*metav1.PartialObjectMetadata, error) {
	id, err := identify(text)
	if err != nil {
		return nil, fmt.Errorf("decoding the deletion of a %s: %w", kind, err)
	}
	m := &id.Metadata
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion,
		},
	}, nil
}
