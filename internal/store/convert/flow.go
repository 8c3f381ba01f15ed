package convert

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// FlowFromObject returns the flow that an object stands for.
func FlowFromObject(o *v1alpha1.RegisteredFlow) *flowrun.Flow {
	origin := o.Spec.Origin
	if origin == nil {
		origin = &v1alpha1.RegisteredFlowOrigin{}
	}
	name := cmp.Or(o.Spec.Name, o.Name)
	flow := &flowrun.Flow{
		ID:      cmp.Or(o.Spec.ID, flowrun.FlowID(o.Namespace, name)),
		Created: timeOr(origin.CreatedTime, within(o.CreationTimestamp.Time)),
		Name:    name,
		Tags:    o.Spec.Tags,
		Labels:  labelsFromObject(o.Spec.Labels, wireFromText(origin.Wire).Labels),
		Ref:     taskrun.ObjectRef{UID: string(o.UID), ResourceVersion: o.ResourceVersion, Name: o.Name, Generation: o.Generation},
	}
	if e := o.Status.Effective; e != nil && e.TagsReplaces == fieldHash(o.Spec.Tags) {
		flow.Tags = e.Tags
	}
	flow.Updated = latest(flow.Created, timePointer(o.Status.UpdatedTime))
	return flow
}

// FlowToObject returns the object that CreateFlow stores. Its name follows from that of the
// flow.
func FlowToObject(flow *flowrun.Flow, namespace string) *v1alpha1.RegisteredFlow {
	var exact wire
	o := &v1alpha1.RegisteredFlow{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: FlowObjectName(flow.Name)},
		Spec: v1alpha1.RegisteredFlowSpec{
			Name: flow.Name, Tags: slices.Clone(flow.Tags), Labels: labelsToObject(flow.Labels, &exact),
		},
	}
	if flow.ID != flowrun.FlowID(namespace, flow.Name) {
		o.Spec.ID = flow.ID
	}
	o.Spec.Origin = &v1alpha1.RegisteredFlowOrigin{CreatedTime: microTimePointer(&flow.Created), Wire: exact.text()}
	return o
}

// FlowToStatus writes what UpdateFlow stores to the status of the object of the flow.
func FlowToStatus(flow *flowrun.Flow, o *v1alpha1.RegisteredFlow) {
	o.Status.ObservedGeneration = o.Generation
	o.Status.ID, o.Status.Name = "", flow.Name
	if isUUID(flow.ID) {
		o.Status.ID = flow.ID
	}
	o.Status.UpdatedTime = microTimePointer(&flow.Updated)
	o.Status.Effective = nil
	if !slices.Equal(flow.Tags, o.Spec.Tags) {
		o.Status.Effective = &v1alpha1.RegisteredFlowEffective{
			TagsReplaces: fieldHash(o.Spec.Tags), Tags: append([]string{}, flow.Tags...),
		}
	}
}

// ObserveFlow writes to the status of an object the flow that it stands for.
func ObserveFlow(o *v1alpha1.RegisteredFlow) { FlowToStatus(FlowFromObject(o), o) }

// maxSlug is how many characters of a flow's name are in the name of its object.
const maxSlug = 40

// FlowObjectName returns the name of the object of a flow: the letters and digits of its
// name, and a hash of it. Equal flows have equal objects on every replica.
func FlowObjectName(name string) string {
	var slug strings.Builder
	for _, r := range strings.ToLower(name) {
		switch plain := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'; {
		case slug.Len() == maxSlug:
		case plain:
			slug.WriteRune(r)
		case slug.Len() > 0 && !strings.HasSuffix(slug.String(), "-"):
			slug.WriteByte('-')
		}
	}
	return cmp.Or(strings.Trim(slug.String(), "-"), "flow") + "-" + digest(name)
}

// IsRegistered reports whether the object of a flow has the name of those that CreateFlow
// stores.
func IsRegistered(flow *flowrun.Flow) bool { return flow.Ref.Name == FlowObjectName(flow.Name) }

// digest is a hash of a text that no two texts have by accident, in 16 hexadecimal digits.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
