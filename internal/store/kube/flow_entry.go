package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
)

// flowRunEntry is what the informer of FlowRuns keeps of an object: the run, which the
// index has, too, and no other copy of its texts.
type flowRunEntry struct {
	metav1.ObjectMeta

	run *convert.FlowRun
}

func newFlowRunEntry(o *v1alpha1.FlowRun) *flowRunEntry {
	return &flowRunEntry{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion, DeletionTimestamp: o.DeletionTimestamp,
		},
		run: convert.FlowRunFromObject(o),
	}
}
