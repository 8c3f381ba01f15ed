package wire

import (
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// TagPrefix is the prefix of the names of limits on tags.
const TagPrefix = "tag:"

// AppendLimit writes a limit as a GlobalConcurrencyLimitResponse.
func AppendLimit(b []byte, l *concurrency.View) []byte {
	return beginLimit(b, l).Float("slot_decay_per_second", l.SlotDecayPerSecond).End()
}

// AppendWholeLimit writes a limit as a ConcurrencyLimitV2, the response to its creation.
func AppendWholeLimit(b []byte, l *concurrency.View) []byte {
	return beginLimit(b, l).
		Int("denied_slots", int64(l.DeniedSlots)).
		Float("slot_decay_per_second", l.SlotDecayPerSecond).
		Float("avg_slot_occupancy_seconds", l.AvgSlotOccupancySeconds).
		End()
}

// beginLimit writes the members that both have.
func beginLimit(b []byte, l *concurrency.View) pyjson.ObjectWriter {
	return beginIdentity(b, l).
		Bool("active", l.Active).
		Text("name", l.Name).
		Int("limit", int64(l.Limit)).
		Int("active_slots", int64(l.ActiveSlots))
}

// AppendTagLimit writes the limit of a tag as a ConcurrencyLimit, for the older routes.
func AppendTagLimit(b []byte, l *concurrency.View) []byte {
	o := beginIdentity(b, l).
		Text("tag", strings.TrimPrefix(l.Name, TagPrefix)).
		Int("concurrency_limit", int64(l.Limit))
	o = AppendTexts(o.Member("active_slots"), l.RunIDs)
	return o.End()
}

func beginIdentity(b []byte, l *concurrency.View) pyjson.ObjectWriter {
	return pyjson.BeginObject(b).
		Text("id", l.ID).
		Time("created", l.Created).
		Time("updated", l.Updated)
}

// AppendLimits writes a list of limits.
func AppendLimits(b []byte, limits []*concurrency.View, appendOne func([]byte, *concurrency.View) []byte) []byte {
	return pyjson.AppendList(b, limits, appendOne)
}

// AppendLimitName writes a limit as a MinimalConcurrencyLimitResponse, for routes that acquire and release slots.
func AppendLimitName(b []byte, l *concurrency.View) []byte { return appendNamed(b, l, l.Name) }

// AppendLimitTag is AppendLimitName with the tag as the name.
func AppendLimitTag(b []byte, l *concurrency.View) []byte {
	return appendNamed(b, l, strings.TrimPrefix(l.Name, TagPrefix))
}

func appendNamed(b []byte, l *concurrency.View, name string) []byte {
	return pyjson.BeginObject(b).Text("id", l.ID).Text("name", name).Int("limit", int64(l.Limit)).End()
}

// AppendLease writes a lease and its limits as a ConcurrencyLimitWithLeaseResponse.
func AppendLease(b []byte, id string, limits []*concurrency.View) []byte {
	o := pyjson.BeginObject(b).Text("lease_id", id)
	o = AppendLimits(o.Member("limits"), limits, AppendLimitName)
	return o.End()
}
