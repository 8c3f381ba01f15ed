// Package v1alpha1 holds the TaskRun API: Prefect task runs and flow runs as Kubernetes objects.
//
// +kubebuilder:object:generate=true
// +groupName=taskrun.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of this package's kinds.
var GroupVersion = schema.GroupVersion{Group: "taskrun.dev", Version: "v1alpha1"}

var (
	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds of this package.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(s *runtime.Scheme) error {
	s.AddKnownTypes(
		GroupVersion,
		&TaskRun{}, &TaskRunList{}, &ConcurrencyLimit{}, &ConcurrencyLimitList{}, &StateProposal{}, &StateProposalList{},
		&FlowRun{}, &FlowRunList{}, &RegisteredFlow{}, &RegisteredFlowList{}, &RunData{}, &RunDataList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
