package kube

import (
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// newObject returns an empty object of a kind, nil if the kind is not ours. The schema
// in a CRD can admit objects that the Go type does not decode.
func newObject(kind string) client.Object {
	switch kind {
	case v1alpha1.KindTaskRun:
		return &v1alpha1.TaskRun{}
	case v1alpha1.KindConcurrencyLimit:
		return &v1alpha1.ConcurrencyLimit{}
	case v1alpha1.KindStateProposal:
		return &v1alpha1.StateProposal{}
	case v1alpha1.KindFlowRun:
		return &v1alpha1.FlowRun{}
	case v1alpha1.KindRegisteredFlow:
		return &v1alpha1.RegisteredFlow{}
	case v1alpha1.KindRunData:
		return &v1alpha1.RunData{}
	default:
		return nil
	}
}

// decode decodes the JSON of one object and converts it, as every reader does.
func decode(kind string, text []byte) (object client.Object, err error) {
	if object = newObject(kind); object == nil {
		return nil, fmt.Errorf("unexpected kind %q", kind)
	}
	if err := json.Unmarshal(text, object); err != nil {
		return nil, err
	}
	return object, check(object)
}

// check returns an error if the object cannot be converted.
func check(object client.Object) error {
	return guard(func() {
		switch o := object.(type) {
		case *v1alpha1.TaskRun:
			convert.RunFromObject(o)
		case *v1alpha1.ConcurrencyLimit:
			convert.LimitFromObject(o)
		case *v1alpha1.StateProposal:
			convert.ProposalFromObject(o)
		case *v1alpha1.FlowRun:
			convert.FlowRunFromObject(o)
		case *v1alpha1.RegisteredFlow:
			convert.FlowFromObject(o)
		}
	})
}

// runOf is convert.RunFromObject. It returns a panic as an error about the object.
func runOf(o *v1alpha1.TaskRun) (run *taskrun.Run, err error) {
	err = guard(func() { run = convert.RunFromObject(o) })
	return run, err
}

// guard returns a panic as an error.
func guard(do func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	do()
	return nil
}

// identity holds the fields that are decoded of an object that cannot be decoded as a
// whole. It has only texts, which the API server checks in Go.
type identity struct {
	Metadata struct {
		Namespace         string       `json:"namespace"`
		Name              string       `json:"name"`
		UID               types.UID    `json:"uid"`
		ResourceVersion   string       `json:"resourceVersion"`
		DeletionTimestamp *metav1.Time `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		ID         string           `json:"id"`
		FlowRunID  string           `json:"flowRunID"`
		TaskKey    *string          `json:"taskKey"`
		DynamicKey *string          `json:"dynamicKey"`
		Name       string           `json:"name"`
		Tag        *string          `json:"tag"`
		Origin     *json.RawMessage `json:"origin"`
	} `json:"spec"`
}

// identify decodes what identifies an object and its version. It skips fields that
// cannot be decoded.
func identify(text []byte) (identity, error) {
	var id identity
	_ = json.Unmarshal(text, &id)
	if m := &id.Metadata; m.Name == "" || m.UID == "" || m.ResourceVersion == "" {
		return id, errors.New("metadata without name, uid or resourceVersion")
	}
	return id, nil
}
