package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// DecodeLimitCreate reads a ConcurrencyLimitV2Create (contract §4.6).
func DecodeLimitCreate(body pyjson.Value) (concurrency.NewLimit, error) {
	in := concurrency.NewLimit{Active: true}
	err := ReadModel(body, func(m *validate.Model) {
		if n, given := m.Field("active"); given {
			in.Active = n.Bool()
		}
		if n, given := m.Required("name"); given {
			in.Name = n.Name()
		}
		if n, given := m.Required("limit"); given {
			in.Limit = n.Natural()
		}
		if n, given := m.Field("active_slots"); given {
			in.ActiveSlots = n.Natural()
		}
		if n, given := m.Field("denied_slots"); given {
			in.DeniedSlots = n.Natural()
		}
		if n, given := m.Field("slot_decay_per_second"); given {
			in.SlotDecayPerSecond = readDecay(n)
		}
	})
	return in, err
}

// LimitUpdate is a ConcurrencyLimitV2Update.
type LimitUpdate struct {
	concurrency.Change

	// Null is true if a field is null. Prefect's model accepts null, and its database rejects it.
	Null bool
}

// DecodeLimitUpdate reads a ConcurrencyLimitV2Update.
func DecodeLimitUpdate(body pyjson.Value) (LimitUpdate, error) {
	var in LimitUpdate
	err := ReadModel(body, func(m *validate.Model) {
		in.Active = ReadOptional(m, "active", validate.Node.Bool)
		in.Name = ReadOptional(m, "name", validate.Node.Name)
		in.Limit = ReadOptional(m, "limit", validate.Node.Natural)
		in.ActiveSlots = ReadOptional(m, "active_slots", validate.Node.Natural)
		in.DeniedSlots = ReadOptional(m, "denied_slots", validate.Node.Natural)
		in.SlotDecayPerSecond = ReadOptional(m, "slot_decay_per_second", readDecay)
	})
	for _, member := range body.Members() {
		in.Null = in.Null || member.Value.IsNull()
	}
	return in, err
}

func readDecay(n validate.Node) float64 { return n.Number(validate.AtLeast(0)) }

// DecodeTagLimitCreate reads a ConcurrencyLimitCreate of the older routes.
func DecodeTagLimitCreate(body pyjson.Value) (tag string, slots int, err error) {
	err = ReadModel(body, func(m *validate.Model) {
		tag = ReadRequiredText(m, "tag")
		if n, given := m.Required("concurrency_limit"); given {
			slots = n.SmallInt()
		}
	})
	return tag, slots, err
}

// ReadModel reads a body that is one object without keys other than those that read asks for. A null body is missing. The
// error is an *InvalidError.
func ReadModel(body pyjson.Value, read func(*validate.Model)) error {
	if body.IsNull() {
		return missingBody()
	}
	var faults validate.Faults
	faults.Node(body, "body").Closed(read)
	return Invalid(&faults, body)
}
