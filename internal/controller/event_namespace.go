package controller

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// actionReadTTL is the action of Events on the default TTL of a namespace.
const actionReadTTL = "ReadFinishedTTL"

// EmitInvalidFinishedTTL emits an Event on a Namespace whose annotation
// taskrun.dev/finished-ttl is not valid. The Event is in that namespace.
func EmitInvalidFinishedTTL(to events.EventRecorder, namespace string, uid types.UID, problem string) {
	object := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: namespace, UID: uid},
	}
	note := "Finished TaskRuns are kept: the annotation " + v1alpha1.AnnotationFinishedTTL + " is not valid: " + problem
	to.Eventf(object, nil, corev1.EventTypeWarning, v1alpha1.ReasonInvalidFinishedTTL, actionReadTTL, "%s", truncateNote(note))
}
