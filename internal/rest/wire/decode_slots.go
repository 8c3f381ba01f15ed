package wire

import (
	"math"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// Modes of acquiring slots.
const (
	modeConcurrency = "concurrency"
	modeRateLimit   = "rate_limit"
)

// Limits and default of the duration of a lease.
const (
	shortestLease = time.Minute
	longestLease  = 24 * time.Hour
	usualLease    = 5 * time.Minute
)

// holderKinds lists the kinds of holders of a lease.
var holderKinds = []string{"flow_run", "task_run", "deployment"}

// DecodeIncrement reads the parameters of increment.
func DecodeIncrement(body pyjson.Value) (concurrency.Acquisition, error) {
	return readSlotsAsked(body, []string{"slots", "names", "mode", "create_if_missing"}, func(p *validate.Model, _ *concurrency.Acquisition) {
		readCreateIfMissing(p)
	})
}

// DecodeIncrementWithLease reads the parameters of increment-with-lease.
func DecodeIncrementWithLease(body pyjson.Value) (concurrency.Acquisition, error) {
	names := []string{"slots", "names", "mode", "lease_duration", "holder"}
	return readSlotsAsked(body, names, func(p *validate.Model, in *concurrency.Acquisition) {
		in.Lease = readLeaseDuration(p)
		if n, given := p.Given("holder"); given {
			in.Holder = readHolder(n)
		}
	})
}

// readSlotsAsked reads the common parameters, then the others.
func readSlotsAsked(
	body pyjson.Value, parameters []string, rest func(*validate.Model, *concurrency.Acquisition),
) (concurrency.Acquisition, error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, parameters...)
	if !ok {
		return concurrency.Acquisition{}, Invalid(&faults, body)
	}
	var in concurrency.Acquisition
	in.Slots = ReadRequired(p, &faults, "slots", validate.Node.Positive)
	in.Names = ReadRequired(p, &faults, "names", readTexts)
	if n, given := p.Given("mode"); given {
		in.RateLimit = n.Literal(modeConcurrency, modeRateLimit) == modeRateLimit
	}
	rest(p, &in)
	return in, Invalid(&faults, body)
}

// readCreateIfMissing reads a parameter without an effect.
func readCreateIfMissing(p *validate.Model) {
	if n, given := p.Given("create_if_missing"); given {
		n.Bool()
	}
}

func readLeaseDuration(p *validate.Model) time.Duration {
	n, given := p.Given("lease_duration")
	if !given {
		return usualLease
	}
	return seconds(n.Number(validate.AtMost(longestLease.Seconds()), validate.AtLeast(shortestLease.Seconds())))
}

// seconds returns a duration, limited to the longest one.
func seconds(n float64) time.Duration {
	if n >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n * float64(time.Second))
}

func readHolder(n validate.Node) *concurrency.Holder {
	m, ok := n.Model()
	if !ok {
		return nil
	}
	holder := &concurrency.Holder{}
	if n, given := m.Required("type"); given {
		holder.Kind = n.Literal(holderKinds...)
	}
	if n, given := m.Required("id"); given {
		holder.ID = n.UUID()
	}
	m.ForbidOthers()
	return holder
}

// DecodeDecrement reads the parameters of decrement.
func DecodeDecrement(body pyjson.Value) (concurrency.Released, error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "slots", "names", "occupancy_seconds", "create_if_missing")
	if !ok {
		return concurrency.Released{}, Invalid(&faults, body)
	}
	var in concurrency.Released
	in.Slots = ReadRequired(p, &faults, "slots", validate.Node.Positive)
	in.Names = ReadRequired(p, &faults, "names", readTexts)
	in.Occupancy = ReadOptional(p, "occupancy_seconds", func(n validate.Node) time.Duration {
		return seconds(n.Number(validate.Above(0)))
	})
	readCreateIfMissing(p)
	return in, Invalid(&faults, body)
}

// DecodeLease reads the lease id of decrement-with-lease.
func DecodeLease(body pyjson.Value) (id string, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "lease_id")
	if !ok {
		return "", Invalid(&faults, body)
	}
	id = ReadRequired(p, &faults, "lease_id", validate.Node.UUID)
	return id, Invalid(&faults, body)
}

// DecodeRenewal reads the lease id in the path and the new duration of the lease. Errors of the path come first.
func DecodeRenewal(path string, body pyjson.Value) (id string, life time.Duration, err error) {
	var faults validate.Faults
	id = faults.Node(pyjson.StringValue(path), "path", "lease_id").UUID()
	if p, ok := ReadParameters(&faults, body, "lease_duration"); ok {
		life = readLeaseDuration(p)
	}
	return id, life, Invalid(&faults, body)
}

// TagSlots are the slots that a task run acquires or releases through the older routes.
type TagSlots struct {
	Tags  []string
	RunID string
}

// DecodeTagSlots reads the parameters of the older increment and decrement, which ignore occupancy_seconds.
func DecodeTagSlots(body pyjson.Value) (TagSlots, error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "names", "task_run_id")
	if !ok {
		return TagSlots{}, Invalid(&faults, body)
	}
	var in TagSlots
	in.Tags = ReadRequired(p, &faults, "names", readTexts)
	in.RunID = ReadRequired(p, &faults, "task_run_id", validate.Node.UUID)
	return in, Invalid(&faults, body)
}

// DecodeReset reads the ids of the runs that hold slots after a reset.
func DecodeReset(body pyjson.Value) (runIDs []string, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "slot_override")
	if !ok {
		return nil, Invalid(&faults, body)
	}
	if n, given := p.Given("slot_override"); given {
		runIDs = readShortList(n, validate.Node.UUID, maxResetRuns)
	}
	return runIDs, Invalid(&faults, body)
}

// DecodeLimits reads the limit and offset of a list of concurrency limits.
func DecodeLimits(body pyjson.Value) (limit, offset int, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body, "limit", "offset")
	if !ok {
		return 0, 0, Invalid(&faults, body)
	}
	if limit, err = ReadLimit(p); err != nil {
		return 0, 0, err
	}
	if n, given := p.Given("offset"); given {
		offset = n.Natural()
	}
	return limit, offset, Invalid(&faults, body)
}

// maxLimitNames is the maximum number of limits, and maxResetRuns that of runs, in a request about slots. Each
// needs a lookup.
const (
	maxLimitNames = 1000
	maxResetRuns  = 2500
)

func readTexts(n validate.Node) []string { return readShortList(n, validate.Node.Text, maxLimitNames) }

// readShortList reads a list up to a maximum length.
func readShortList(n validate.Node, read func(validate.Node) string, most int) []string {
	if len(n.Value.Items()) > most {
		n.Refuse("at most " + strconv.Itoa(most) + " items are taken: send several requests")
		return nil
	}
	return validate.List(n, read)
}

// ReadRequired reads a parameter of the route that cannot be missing or null.
func ReadRequired[T any](p *validate.Model, faults *validate.Faults, name string, read func(validate.Node) T) (value T) {
	n, given := p.Given(name)
	if !given {
		faults.Report(validate.Missing(nullValue, "body", name))
		return value
	}
	return read(n)
}
