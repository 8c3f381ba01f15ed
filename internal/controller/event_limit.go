package controller

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// EmitStalledLimit emits an Event on a ConcurrencyLimit that does not apply,
// because an older one has the same tag or name. Call it after the status was
// written.
func EmitStalledLimit(to events.EventRecorder, key types.NamespacedName, uid types.UID, reason string) {
	object := &v1alpha1.ConcurrencyLimit{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ConcurrencyLimit"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: uid},
	}
	to.Eventf(object, nil, corev1.EventTypeWarning, v1alpha1.ReasonDuplicateName, actionIdentify, "%s", truncateNote(reason))
}
