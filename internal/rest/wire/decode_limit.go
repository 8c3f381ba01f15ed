package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// DecodeLimitCreate reads a ConcurrencyLimitV2Create (contract §4.6).
func DecodeLimitCreate(body pyjson.Value) (concurrency.NewLimit, error) {
	in := concurrency.NewLimit{Active: true}
	err := readModel(body, func(m *validate.Model) {
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
	err := readModel(body, func(m *validate.Model) {
		in.Active = readOptional(m, "active", validate.Node.Bool)
		in.Name = readOptional(m, "name", validate.Node.Name)
		in.Limit = readOptional(m, "limit", validate.Node.Natural)
		in.ActiveSlots = readOptional(m, "active_slots", validate.Node.Natural)
		in.DeniedSlots = readOptional(m, "denied_slots", validate.Node.Natural)
		in.SlotDecayPerSecond = readOptional(m, "slot_decay_per_second", readDecay)
	})
	for _, member := range body.Members() {
		in.Null = in.Null || member.Value.IsNull()
	}
	return in, err
}

func readDecay(n validate.Node) float64 { return n.Number(validate.AtLeast(0)) }

// DecodeTagLimitCreate reads a ConcurrencyLimitCreate of the older routes.
func DecodeTagLimitCreate(body pyjson.Value) (tag string, slots int, err error) {
	err = readModel(body, func(m *validate.Model) {
		tag = readRequiredText(m, "tag")
		if n, given := m.Required("concurrency_limit"); given {
			slots = n.SmallInt()
		}
	})
	return tag, slots, err
}

// readModel reads a body that is one model without other keys. A null body counts as missing.
func readModel(body pyjson.Value, read func(*validate.Model)) error {
	if body.IsNull() {
		return missingBody()
	}
	var faults validate.Faults
	faults.Node(body, "body").Closed(read)
	return invalid(&faults, body)
}
