package kube

import (
	"cmp"
	"math"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// checkLimit returns an error if limitFromObject cannot convert the object.
func checkLimit(o *v1alpha1.ConcurrencyLimit) error {
	return guard(func() { limitFromObject(o) })
}

// limitFromObject returns the limit that an object stands for.
func limitFromObject(o *v1alpha1.ConcurrencyLimit) *concurrency.Limit {
	created := timeOr(o.Spec.Created, within(o.CreationTimestamp.Time))
	l := &concurrency.Limit{
		ID:        string(o.UID),
		Name:      cmp.Or(o.Spec.Name, o.Name),
		Created:   created,
		Updated:   latest(created, timePointer(o.Status.Updated)),
		Active:    o.Spec.Active == nil || *o.Spec.Active,
		Slots:     int(numberOr(o.Spec.Limit)),
		Decay:     decimal(o.Spec.SlotDecayPerSecond),
		Denied:    int(numberOr(o.Status.DeniedSlots)),
		Shown:     int(numberOr(o.Status.ActiveSlots)),
		Occupancy: cmp.Or(decimal(o.Status.AvgSlotOccupancySeconds), concurrency.UsualOccupancy),
		Loose:     concurrency.Loose{Slots: decimal(o.Status.LooseSlots), At: timeOr(o.Status.LooseSlotsTime, created)},
		Revision:  taskrun.Revision{Object: string(o.UID), Version: o.ResourceVersion, Key: o.Name, Generation: o.Generation},
	}
	if o.Spec.Created != nil { // made over REST: named by its id
		l.ID = o.Name
	}
	for i := range o.Status.Holders {
		h := &o.Status.Holders[i]
		l.Holdings = append(l.Holdings, concurrency.Holding{
			ID: h.ID, Slots: int(h.Slots), Kind: h.Type, Holder: h.Holder, StateID: h.StateID,
			Since: within(h.Since.Time), Until: timePointer(h.Until), Names: h.Names,
		})
	}
	return l
}

// limitToObject returns the object that Create stores.
func limitToObject(l *concurrency.Limit, namespace string) *v1alpha1.ConcurrencyLimit {
	o := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: l.ID}}
	o.Spec.Created = microTimePointer(&l.Created)
	termsToObject(l, &o.Spec)
	return o
}

func termsToObject(l *concurrency.Limit, spec *v1alpha1.ConcurrencyLimitSpec) {
	active, slots := l.Active, narrow(l.Slots)
	spec.Name, spec.Active, spec.Limit = l.Name, &active, &slots
	spec.SlotDecayPerSecond = nil
	if l.Decay > 0 {
		spec.SlotDecayPerSecond = decimalText(l.Decay)
	}
}

// useToObject returns the whole status that UpdateUse stores.
func useToObject(l *concurrency.Limit) v1alpha1.ConcurrencyLimitStatus {
	shown, denied := narrow(l.Shown), narrow(l.Denied)
	status := v1alpha1.ConcurrencyLimitStatus{
		ActiveSlots: &shown, DeniedSlots: &denied,
		AvgSlotOccupancySeconds: decimalText(l.Occupancy),
		Updated:                 microTimePointer(&l.Updated),
	}
	if l.Loose.Slots > 0 {
		status.LooseSlots, status.LooseSlotsTime = decimalText(l.Loose.Slots), microTimePointer(&l.Loose.At)
	}
	for i := range l.Holdings {
		h := &l.Holdings[i]
		status.Holders = append(status.Holders, v1alpha1.SlotHolder{
			ID: h.ID, Slots: narrow(h.Slots), Type: h.Kind, Holder: h.Holder, StateID: h.StateID,
			Since: microTime(h.Since), Until: microTimePointer(h.Until), Names: append([]string(nil), h.Names...),
		})
	}
	return status
}

func numberOr(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}

func narrow(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

// decimal reads a decimal number of 0 or more; none, and what is no such number, is 0.
func decimal(text *string) float64 {
	if text == nil {
		return 0
	}
	f, err := strconv.ParseFloat(*text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return max(f, 0)
}

// decimalText is the inverse; what decimal cannot read becomes the nearest number
// that it can.
func decimalText(f float64) *string {
	if math.IsNaN(f) {
		f = 0
	}
	text := strconv.FormatFloat(min(max(f, 0), math.MaxFloat64), 'g', -1, 64)
	return &text
}
