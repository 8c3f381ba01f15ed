package wire

import (
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// tagPrefix begins the names of limits that tags have.
const TagPrefix = "tag:"

// appendLimit writes a limit as it is read (GlobalConcurrencyLimitResponse).
func AppendLimit(b []byte, l *concurrency.View) []byte {
	b = appendLimitBegin(b, l)
	b = append(b, `,"slot_decay_per_second":`...)
	b = append(b, pyjson.Float(l.SlotDecayPerSecond)...)
	return append(b, '}')
}

// appendWholeLimit writes a limit as its maker is shown it (ConcurrencyLimitV2).
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

// appendTagLimit writes a limit as the older routes have it (ConcurrencyLimit).
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

// appendLimits writes a list of limits.
func AppendLimits(b []byte, limits []*concurrency.View, appendOne func([]byte, *concurrency.View) []byte) []byte {
	b = append(b, '[')
	for i, l := range limits {
		b = AppendComma(b, i)
		b = appendOne(b, l)
	}
	return append(b, ']')
}

// appendLimitName writes what those who take slots see of a limit
// (MinimalConcurrencyLimitResponse).
func AppendLimitName(b []byte, l *concurrency.View) []byte { return appendNamed(b, l, l.Name) }

// appendLimitTag is appendLimitName with the tag for the name.
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

// appendLease writes what was taken with a lease (ConcurrencyLimitWithLeaseResponse).
func AppendLease(b []byte, id string, limits []*concurrency.View) []byte {
	b = append(b, `{"lease_id":`...)
	b = pyjson.AppendText(b, id)
	b = append(b, `,"limits":`...)
	b = AppendLimits(b, limits, AppendLimitName)
	return append(b, '}')
}
