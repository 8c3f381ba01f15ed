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

// The kinds, as objects name them.
const (
	kindTaskRun          = "TaskRun"
	kindConcurrencyLimit = "ConcurrencyLimit"
	kindStateProposal    = "StateProposal"
)

// Kinds are the kinds that have a CRD: kube-apiserver checks their objects by a
// schema, which can admit more than the Go types decode.
func Kinds() []string { return []string{kindTaskRun, kindConcurrencyLimit, kindStateProposal} }

// newObject returns an empty object of a kind, nil if it is none of Kinds.
func newObject(kind string) client.Object {
	switch kind {
	case kindTaskRun:
		return &v1alpha1.TaskRun{}
	case kindConcurrencyLimit:
		return &v1alpha1.ConcurrencyLimit{}
	case kindStateProposal:
		return &v1alpha1.StateProposal{}
	default:
		return nil
	}
}

// decode decodes the JSON of one object and maps it, as every reader does.
func decode(kind string, text []byte) (object client.Object, err error) {
	if object = newObject(kind); object == nil {
		return nil, fmt.Errorf("unexpected kind %q", kind)
	}
	if err := json.Unmarshal(text, object); err != nil {
		return nil, err
	}
	return object, check(object)
}

// check returns an error if the object cannot be mapped.
func check(object client.Object) error {
	return guard(func() {
		switch o := object.(type) {
		case *v1alpha1.TaskRun:
			convert.RunFromObject(o)
		case *v1alpha1.ConcurrencyLimit:
			convert.LimitFromObject(o)
		case *v1alpha1.StateProposal:
			convert.ProposalFromObject(o)
		}
	})
}

// runOf is RunFromObject; a panic is an error about the object.
func runOf(o *v1alpha1.TaskRun) (run *taskrun.Run, err error) {
	err = guard(func() { run = convert.RunFromObject(o) })
	return run, err
}

// guard turns a panic into an error.
func guard(do func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	do()
	return nil
}

// identity is what is read of an object that does not decode as a whole. It has
// nothing but texts, which the API server checks in Go.
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

// identify reads what tells an object and its version. A field that cannot be
// decoded counts as missing.
func identify(text []byte) (identity, error) {
	var id identity
	_ = json.Unmarshal(text, &id)
	if m := &id.Metadata; m.Name == "" || m.UID == "" || m.ResourceVersion == "" {
		return id, errors.New("metadata without name, uid or resourceVersion")
	}
	return id, nil
}
