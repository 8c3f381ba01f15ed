package kube

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// newUndecodable returns the record of an object for which decode returned this error.
// Its own error means that the text is not that of an object.
func newUndecodable(kind string, text []byte, cause error) (*index.Undecodable, error) {
	id, err := identify(text)
	if err != nil {
		return nil, fmt.Errorf("decoding a %s: %w", kind, errors.Join(cause, err))
	}
	field, fault := faultIn(part{kind: reflect.TypeOf(newObject(kind)).Elem(), text: text})
	if fault == nil { // it can be decoded, but not converted
		fault = cause
	}
	m := &id.Metadata
	u := &index.Undecodable{
		UID: m.UID, ResourceVersion: m.ResourceVersion, DeletionTimestamp: m.DeletionTimestamp, ID: string(m.UID),
		Err: taskrun.UndecodableError{Kind: kind, Namespace: m.Namespace, Name: m.Name, Field: field, Reason: reasonOf(fault)},
	}
	setIDs(u, kind, &id)
	return u, nil
}

// setIDs sets the ids and names over REST. StateProposals and RunData have none.
func setIDs(u *index.Undecodable, kind string, id *identity) {
	switch kind {
	case v1alpha1.KindConcurrencyLimit:
		u.Name = convert.LimitName(id.Spec.Tag, id.Spec.Name, id.Metadata.Name)
		u.ID = convert.LimitID(id.Spec.Origin != nil, id.Metadata.Name, id.Metadata.UID)
	case v1alpha1.KindFlowRun:
		u.ID = cmp.Or(id.Spec.ID, u.ID)
	case v1alpha1.KindRegisteredFlow:
		u.Name = cmp.Or(id.Spec.Name, id.Metadata.Name)
		u.ID = cmp.Or(id.Spec.ID, flowrun.FlowID(id.Metadata.Namespace, u.Name))
	case v1alpha1.KindTaskRun:
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

// operationUndecodable marks a placeholder. The API server admits no such operation.
const operationUndecodable metav1.ManagedFieldsOperationType = "Undecodable"

// recordKey is the annotation of a placeholder that has its record.
const recordKey = "undecodable"

// placeholder returns an object in place of one that cannot be decoded. An informer
// reports its deletion as that of any other.
func placeholder(u *index.Undecodable) (runtime.Object, error) {
	record, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("encoding the record of an object: %w", err)
	}
	object := newObject(u.Err.Kind)
	object.SetNamespace(u.Err.Namespace)
	object.SetName(u.Err.Name)
	object.SetUID(u.UID)
	object.SetResourceVersion(u.ResourceVersion)
	object.SetDeletionTimestamp(u.DeletionTimestamp)
	object.SetManagedFields([]metav1.ManagedFieldsEntry{{Operation: operationUndecodable}})
	object.SetAnnotations(map[string]string{recordKey: string(record)})
	object.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(u.Err.Kind))
	return object, nil
}

// IsUndecodable reports whether an object of a cache is the placeholder of one that
// cannot be decoded. It has metadata only, and controllers skip it.
func IsUndecodable(o metav1.Object) bool {
	entries := o.GetManagedFields()
	return len(entries) == 1 && entries[0].Operation == operationUndecodable
}

// undecodableOf returns the record of a placeholder, nil for any other object.
func undecodableOf(o metav1.Object) *index.Undecodable {
	if !IsUndecodable(o) {
		return nil
	}
	u := &index.Undecodable{}
	if json.Unmarshal([]byte(o.GetAnnotations()[recordKey]), u) != nil {
		return nil // cannot happen: placeholder wrote it
	}
	return u
}

// placeholderOf returns the placeholder of an object for which decode returned this
// error.
func placeholderOf(kind string, text []byte, cause error) (runtime.Object, error) {
	u, err := newUndecodable(kind, text, cause)
	if err != nil {
		return nil, err
	}
	return placeholder(u)
}
