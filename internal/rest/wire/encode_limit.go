package wire

import (
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// TagPrefix begins the names of the limits of tags.
const TagPrefix = "tag:"

// AppendLimit writes a limit as a GlobalConcurrencyLimitResponse.
func AppendLimit(b []byte, l *concurrency.View) []byte {
	b = appendLimitBegin(b, l)
	b = append(b, `,"slot_decay_per_second":`...)
	b = append(b, pyjson.Float(l.SlotDecayPerSecond)...)
	return append(b, '}')
}

// AppendWholeLimit writes a limit as a ConcurrencyLimitV2, the response to its creation.
func AppendWholeLimit(b []byte, l *concurrency.View) []byte {
	b = appendLimitBegin(b, l)
	b = append(b, `,"denied_slots":`...)
	b = strconv.AppendInt(b, int64(l.DeniedSlots), 10)
	b = append(b, `,"slot_decay_per_second":`...)
	b = append(b, pyjson.Float(l.SlotDecayPerSecond)...)
	b = append(b, `,"avg_slot_occupancy_seconds":`...)
	b = append(b, pyjson.Float(l.AvgSlotOccupancySeconds)...)
	return append(b, '}')
}

// appendLimitBegin writes what both have.
func appendLimitBegin(b []byte, l *concurrency.View) []byte {
	b = appendIdentity(b, l)
	b = append(b, `,"active":`...)
	b = strconv.AppendBool(b, l.Active)
	b = append(b, `,"name":`...)
	b = pyjson.AppendText(b, l.Name)
	b = append(b, `,"limit":`...)
	b = strconv.AppendInt(b, int64(l.Limit), 10)
	b = append(b, `,"active_slots":`...)
	return strconv.AppendInt(b, int64(l.ActiveSlots), 10)
}

// AppendTagLimit writes the limit of a tag as a ConcurrencyLimit, for the older routes.
func AppendTagLimit(b []byte, l *concurrency.View) []byte {
	b = appendIdentity(b, l)
	b = append(b, `,"tag":`...)
	b = pyjson.AppendText(b, strings.TrimPrefix(l.Name, TagPrefix))
	b = append(b, `,"concurrency_limit":`...)
	b = strconv.AppendInt(b, int64(l.Limit), 10)
	b = append(b, `,"active_slots":`...)
	b = appendTexts(b, l.RunIDs)
	return append(b, '}')
}

func appendIdentity(b []byte, l *concurrency.View) []byte {
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, l.ID)
	b = append(b, `,"created":`...)
	b = appendTime(b, l.Created)
	b = append(b, `,"updated":`...)
	return appendTime(b, l.Updated)
}

// AppendLimits writes a list of limits.
func AppendLimits(b []byte, limits []*concurrency.View, appendOne func([]byte, *concurrency.View) []byte) []byte {
	b = append(b, '[')
	for i, l := range limits {
		b = AppendComma(b, i)
		b = appendOne(b, l)
	}
	return append(b, ']')
}

// AppendLimitName writes a limit as a MinimalConcurrencyLimitResponse, for routes that acquire and release slots.
func AppendLimitName(b []byte, l *concurrency.View) []byte { return appendNamed(b, l, l.Name) }

// AppendLimitTag is AppendLimitName with the tag as the name.
func AppendLimitTag(b []byte, l *concurrency.View) []byte {
	return appendNamed(b, l, strings.TrimPrefix(l.Name, TagPrefix))
}

func appendNamed(b []byte, l *concurrency.View, name string) []byte {
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, l.ID)
	b = append(b, `,"name":`...)
	b = pyjson.AppendText(b, name)
	b = append(b, `,"limit":`...)
	b = strconv.AppendInt(b, int64(l.Limit), 10)
	return append(b, '}')
}

// AppendLease writes a lease and its limits as a ConcurrencyLimitWithLeaseResponse.
func AppendLease(b []byte, id string, limits []*concurrency.View) []byte {
	b = append(b, `{"lease_id":`...)
	b = pyjson.AppendText(b, id)
	b = append(b, `,"limits":`...)
	b = AppendLimits(b, limits, AppendLimitName)
	return append(b, '}')
}
