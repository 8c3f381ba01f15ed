package convert

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// LimitFromObject returns the limit of an object.
func LimitFromObject(o *v1alpha1.ConcurrencyLimit) *concurrency.Limit {
	created := within(o.CreationTimestamp.Time)
	if o.Spec.Origin != nil {
		created = timeOr(&o.Spec.Origin.CreatedTime, created)
	}
	l := &concurrency.Limit{
		ID:             LimitID(o.Spec.Origin != nil, o.Name, o.UID),
		Name:           LimitName(o.Spec.Tag, o.Spec.Name, o.Name),
		Created:        created,
		Updated:        latest(created, timePointer(o.Status.UpdatedTime)),
		Active:         o.Spec.Active == nil || *o.Spec.Active,
		Slots:          int(numberOr(o.Spec.Slots)),
		Decay:          decimal(o.Spec.SlotDecayPerSecond),
		Denied:         int(numberOr(o.Status.DeniedSlots)),
		ReportedActive: int(numberOr(o.Status.ActiveSlots)),
		Occupancy:      cmp.Or(decimalOf(o.Status.AvgSlotOccupancySeconds), concurrency.UsualOccupancy),
		Anonymous:      concurrency.AnonymousSlots{Slots: decimalOf(o.Status.AnonymousSlots), UpdatedAt: timeOr(o.Status.AnonymousSlotsTime, created)},
		Recorded:       recordedFromObject(&o.Status),
		Revision:       taskrun.ObjectRef{UID: string(o.UID), ResourceVersion: o.ResourceVersion, Name: o.Name, Generation: o.Generation},
	}
	for i := range o.Status.Holders {
		l.Leases = append(l.Leases, holdingFromObject(&o.Status.Holders[i]))
	}
	return l
}

// LimitID is the limit's id over REST. A limit created over REST has it as its name.
func LimitID(viaREST bool, object string, uid types.UID) string {
	if viaREST && uuid.Validate(object) == nil {
		return object
	}
	return string(uid)
}

// LimitName is the limit's name over REST.
func LimitName(tag *string, name, object string) string {
	if tag != nil {
		return concurrency.TagPrefix + *tag
	}
	return cmp.Or(name, object)
}

// LimitToObject returns the object that Create stores.
func LimitToObject(l *concurrency.Limit, namespace string) *v1alpha1.ConcurrencyLimit {
	o := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: l.ID}}
	o.Spec.Origin = &v1alpha1.LimitOrigin{CreatedTime: microTime(l.Created)}
	TermsToObject(l, o)
	return o
}

// TermsToObject writes the requested values of a limit to the spec. It keeps the text
// of a value that does not change.
func TermsToObject(l *concurrency.Limit, o *v1alpha1.ConcurrencyLimit) {
	before := LimitFromObject(o)
	if before.Name != l.Name {
		nameToObject(l.Name, &o.Spec)
	}
	if before.Active != l.Active {
		o.Spec.Active = &l.Active
	}
	if slots := narrow(l.Slots); o.Spec.Slots == nil || *o.Spec.Slots != slots {
		o.Spec.Slots = &slots
	}
	switch {
	case before.Decay == l.Decay:
	case l.Decay > 0:
		o.Spec.SlotDecayPerSecond = v1alpha1.NumberOf(l.Decay)
	default:
		o.Spec.SlotDecayPerSecond = v1alpha1.Number{}
	}
}

func nameToObject(name string, spec *v1alpha1.ConcurrencyLimitSpec) {
	if tag, ok := strings.CutPrefix(name, concurrency.TagPrefix); ok {
		spec.Tag, spec.Name = &tag, ""
		return
	}
	spec.Tag, spec.Name = nil, name
}

// UseToObject returns the whole status that UpdateUse stores.
func UseToObject(l *concurrency.Limit) v1alpha1.ConcurrencyLimitStatus {
	shown, denied := narrow(l.ReportedActive), narrow(l.Denied)
	status := v1alpha1.ConcurrencyLimitStatus{
		ObservedGeneration: l.Recorded.Generation, Conditions: limitConditions(l),
		ActiveSlots: &shown, DeniedSlots: &denied,
		AvgSlotOccupancySeconds: decimalText(l.Occupancy),
		UpdatedTime:             microTimePointer(&l.Updated),
	}
	if l.Anonymous.Slots > 0 {
		status.AnonymousSlots, status.AnonymousSlotsTime = decimalText(l.Anonymous.Slots), microTimePointer(&l.Anonymous.UpdatedAt)
	}
	for i := range l.Leases {
		status.Holders = append(status.Holders, holdingToObject(&l.Leases[i]))
	}
	return status
}

func holdingFromObject(h *v1alpha1.SlotHolder) concurrency.SlotLease {
	lease := concurrency.SlotLease{
		ID: h.ID, Slots: int(h.Slots), Kind: h.HolderType, Holder: h.HolderID, StateID: h.StateID,
		Since: within(h.AcquireTime.Time), Until: timePointer(h.ExpirationTime), Names: h.Names,
	}
	if h.Ref != nil {
		lease.ObjectName, lease.ObjectUID = h.Ref.Name, h.Ref.UID
		lease.Kind, lease.Holder = concurrency.KindTaskRun, cmp.Or(h.HolderID, h.Ref.Name)
	}
	return lease
}

func holdingToObject(h *concurrency.SlotLease) v1alpha1.SlotHolder {
	holder := v1alpha1.SlotHolder{
		ID: h.ID, Slots: narrow(h.Slots), HolderType: h.Kind, HolderID: h.Holder, StateID: h.StateID,
		AcquireTime: microTime(h.Since), ExpirationTime: microTimePointer(h.Until), Names: append([]string(nil), h.Names...),
	}
	if h.ObjectName != "" && h.ObjectUID != "" { // ref makes the other two fields redundant
		holder.Ref = &v1alpha1.HolderReference{Kind: "TaskRun", Name: h.ObjectName, UID: h.ObjectUID}
		holder.HolderType = ""
		if holder.HolderID == h.ObjectName {
			holder.HolderID = ""
		}
	}
	return holder
}

func numberOr(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}

func narrow(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// decimal returns a number of 0 or more; 0 if there is none or it is not valid.
func decimal(n v1alpha1.Number) float64 {
	f, _ := n.Float()
	return max(f, 0)
}

func decimalOf(text *string) float64 {
	if text == nil {
		return 0
	}
	return decimal(v1alpha1.Number{Raw: *text})
}

// Numbers from plainLeast up to plainMost are written without an exponent.
const plainLeast, plainMost = 1e-6, 1e15

// decimalText is the inverse of decimal. A number that decimal cannot read becomes the
// nearest one that it can.
func decimalText(f float64) *string {
	if math.IsNaN(f) {
		f = 0
	}
	f = min(max(f, 0), math.MaxFloat64)
	format := byte('g')
	if f == 0 || (f >= plainLeast && f < plainMost) {
		format = 'f'
	}
	text := strconv.FormatFloat(f, format, -1, 64)
	return &text
}
