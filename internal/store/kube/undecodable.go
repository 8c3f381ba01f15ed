package kube

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// undecodable is an object that cannot be decoded, at one version.
type undecodable struct {
	UID      types.UID
	Version  string
	Deletion *metav1.Time       // set: only finalizers keep the object
	ID       string             // of the run or the limit
	Key      taskrun.NaturalKey // of the run
	Limit    string             // name of the limit
	Err      taskrun.UndecodableError
}

// newUndecodable returns the record of an object that decode returned this error
// for. Its own error means that the text is not that of an object.
func newUndecodable(kind string, text []byte, cause error) (*undecodable, error) {
	id, err := identify(text)
	if err != nil {
		return nil, fmt.Errorf("decoding a %s: %w", kind, errors.Join(cause, err))
	}
	field, fault := faultIn(part{kind: reflect.TypeOf(newObject(kind)).Elem(), text: text})
	if fault == nil { // it decodes, and could not be mapped
		fault = cause
	}
	m := &id.Metadata
	u := &undecodable{
		UID: m.UID, Version: m.ResourceVersion, Deletion: m.DeletionTimestamp, ID: string(m.UID),
		Err: taskrun.UndecodableError{Kind: kind, Namespace: m.Namespace, Name: m.Name, Field: field, Reason: reasonOf(fault)},
	}
	u.identifyAs(kind, &id)
	return u, nil
}

// identifyAs takes over what the run or the limit is known by over REST, which has
// no StateProposals.
func (u *undecodable) identifyAs(kind string, id *identity) {
	switch kind {
	case kindConcurrencyLimit:
		u.Limit = convert.LimitName(id.Spec.Tag, id.Spec.Name, id.Metadata.Name)
		u.ID = convert.LimitID(id.Spec.Origin != nil, id.Metadata.Name, id.Metadata.UID)
	case kindTaskRun:
		u.ID = cmp.Or(id.Spec.ID, u.ID)
		u.Key = taskrun.NaturalKey{
			FlowRunID: id.Spec.FlowRunID, TaskKey: stringOr(id.Spec.TaskKey, ""), DynamicKey: stringOr(id.Spec.DynamicKey, id.Metadata.Name),
		}
	}
}

// stringOr returns the text, or the fallback if there is none.
func stringOr(text *string, fallback string) string {
	if text == nil {
		return fallback
	}
	return *text
}

// The marks of objects that are not as the API server has them, for it admits no
// such operation.
const (
	operationTaken       metav1.ManagedFieldsOperationType = "Taken"
	operationUndecodable metav1.ManagedFieldsOperationType = "Undecodable"
)

// recordKey is where a stub has its record.
const recordKey = "undecodable"

// stub returns what stands for the object in a cache, so that its deletion is
// noticed as that of any other object.
func (u *undecodable) stub() (runtime.Object, error) {
	record, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("encoding the record of an object: %w", err)
	}
	stub := newObject(u.Err.Kind)
	stub.SetNamespace(u.Err.Namespace)
	stub.SetName(u.Err.Name)
	stub.SetUID(u.UID)
	stub.SetResourceVersion(u.Version)
	stub.SetDeletionTimestamp(u.Deletion)
	stub.SetManagedFields([]metav1.ManagedFieldsEntry{{Operation: operationUndecodable}})
	stub.SetAnnotations(map[string]string{recordKey: string(record)})
	stub.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(u.Err.Kind))
	if run, ok := stub.(*v1alpha1.TaskRun); ok {
		run.Spec.ID = u.ID
	}
	return stub, nil
}

// IsUndecodable reports whether an object of a cache stands for one that cannot be
// decoded. Such an object has metadata only, and nothing is to be done about it.
func IsUndecodable(o metav1.Object) bool { return isMarked(o, operationUndecodable) }

// undecodableOf returns the record that a stub has; nil for any other object.
func undecodableOf(o metav1.Object) *undecodable {
	if !isMarked(o, operationUndecodable) {
		return nil
	}
	u := &undecodable{}
	if json.Unmarshal([]byte(o.GetAnnotations()[recordKey]), u) != nil {
		return nil // cannot happen: stub wrote it
	}
	return u
}

func isMarked(o metav1.Object, operation metav1.ManagedFieldsOperationType) bool {
	entries := o.GetManagedFields()
	return len(entries) == 1 && entries[0].Operation == operation
}

// stubOfUndecodable returns the stub of an object that decode returned this error
// for.
func stubOfUndecodable(kind string, text []byte, cause error) (runtime.Object, error) {
	u, err := newUndecodable(kind, text, cause)
	if err != nil {
		return nil, err
	}
	return u.stub()
}
