package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objectjson"
)

// streamItems decodes a list of TaskRuns and calls add for each item while the rest of the
// response is on its way. It returns the list without its items.
func streamItems(response io.Reader, add func(runtime.Object) error) ([]byte, error) {
	reader, decoder := &valueReader{from: response}, newRunDecoder()
	rest := map[string]json.RawMessage{}
	err := reader.members(func(name string) error {
		if name == "items" {
			rest[name] = json.RawMessage("[]")
			return eachItem(reader, decoder, add)
		}
		value, err := reader.value()
		rest[name] = bytes.Clone(value)
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(rest)
}

func eachItem(reader *valueReader, decoder *runDecoder, add func(runtime.Object) error) error {
	first, err := reader.next()
	if err != nil {
		return err
	}
	if first == 'n' {
		_, err := reader.value() // null
		return err
	}
	return reader.each('[', ']', func() error {
		text, err := reader.value()
		if err != nil {
			return err
		}
		object, err := decoder.decode(text)
		if err != nil {
			return fmt.Errorf("reading a list of TaskRuns: %w", err)
		}
		return add(object)
	})
}

// runPlan omits the managed fields, which are not used and are a quarter of the text of a
// TaskRun.
var runPlan = objectjson.NewPlan[v1alpha1.TaskRun]("managedFields")

// runDecoder decodes TaskRuns. Only one goroutine at a time may use it.
type runDecoder struct {
	fast *objectjson.Decoder[v1alpha1.TaskRun]
}

func newRunDecoder() *runDecoder { return &runDecoder{fast: runPlan.NewDecoder()} }

// decode returns a TaskRun without its managed fields, or its placeholder if it cannot be
// decoded. An error means that the text is not that of an object.
func (d *runDecoder) decode(text []byte) (runtime.Object, error) {
	o := &v1alpha1.TaskRun{}
	if d.fast.Decode(text, o) == nil {
		return o, nil
	}
	// Unlike that of Kubernetes, this decoder accepts NAME for name. The API server
	// sends only names that the schema has.
	_, decoded, err := withoutFractions(v1alpha1.KindTaskRun, text)
	if err != nil {
		return placeholderOf(v1alpha1.KindTaskRun, text, err)
	}
	decoded.SetManagedFields(nil)
	return decoded, nil
}
