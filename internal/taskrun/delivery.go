package taskrun

import (
	"fmt"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Delivery is the delivery lease of a background run.
type Delivery struct {
	Holder         string // client id of the worker; empty: released
	LeaseNamespace string // see Hold; empty without a holder
	PreviousHolder string // client id of the worker that held the run before; empty: none
	Since          time.Time
	Attempts       int // number of deliveries
}

// DueFromCreate reports whether a run in its initial state waits for a worker from its
// creation on.
func (r *Run) DueFromCreate() bool { return r.Waiting() && !r.Due().After(r.Created) }

// DeliverFirst makes a worker the holder of a run in its initial state. A run that is
// not due when it is created has no holder.
func (r *Run) DeliverFirst(to Hold) {
	r.Delivery = nil
	if to.Worker != "" && r.DueFromCreate() {
		r.Delivery = &Delivery{Holder: to.Worker, LeaseNamespace: to.LeaseNamespace, Since: r.Created, Attempts: 1}
	}
}

// Count returns the number of deliveries in words: "delivered once", "delivered 3 times".
func (d *Delivery) Count() string {
	if d.Attempts == 1 {
		return "delivered once"
	}
	return fmt.Sprintf("delivered %d times", d.Attempts)
}

// Hold identifies a worker that holds a run, and the Leases that list it while it
// is connected.
type Hold struct {
	Worker string // client id
	// LeaseNamespace is the namespace of the Leases of the operator that the worker
	// is connected to; NoLease if that operator cannot keep one; empty if it is an
	// earlier version, which does not record it.
	LeaseNamespace string
}

// NoLease as the namespace of Leases means that no Lease lists the worker.
const NoLease = "-"

// MaxHolder is the maximum length of a worker's client id, in characters.
const MaxHolder = 256

// Waiting reports whether the run waits for a worker, whether or not it is due: it
// is SCHEDULED, was submitted for background execution, is not held by a worker and
// not on hold. A state that a worker reported is no submission (contract §1.6).
func (r *Run) Waiting() bool {
	if r.State == nil || r.State.Type != orchestration.Scheduled || r.Held() || r.OnHold {
		return false
	}
	return r.Delivery != nil || (r.Deferred() && !r.State.Reported)
}

// Deferred reports whether the current state asks for a run in the background.
func (r *Run) Deferred() bool {
	deferred := r.State.Details.Deferred
	return deferred != nil && *deferred
}

// Due returns the time from which a waiting run can be delivered.
func (r *Run) Due() time.Time { return DueIn(r.State) }

// DueIn is Due for a run in this state.
func DueIn(state *orchestration.State) time.Time {
	if at := state.Details.ScheduledTime; at != nil {
		return *at
	}
	return state.Timestamp
}

// Holder is the client id of the worker that holds the run, empty for none.
func (r *Run) Holder() string {
	if r.Delivery == nil {
		return ""
	}
	return r.Delivery.Holder
}

// Hold identifies the worker that holds the run; zero for none.
func (r *Run) Hold() Hold {
	if !r.Held() {
		return Hold{}
	}
	return Hold{Worker: r.Delivery.Holder, LeaseNamespace: r.Delivery.LeaseNamespace}
}

// Held reports whether a worker holds the run.
func (r *Run) Held() bool { return r.Holder() != "" }

// Attempts returns how often the run was delivered.
func (r *Run) Attempts() int {
	if r.Delivery == nil {
		return 0
	}
	return r.Delivery.Attempts
}

// TaskParametersID finds the parameters of the run: a worker's own events do not
// repeat them.
func (r *Run) TaskParametersID() string {
	for _, state := range slices.Backward(r.States()) {
		if id := state.Details.TaskParametersID; id != "" {
			return id
		}
	}
	return ""
}

// CheckHolder returns an *InvalidError if a worker's client id is too long to be stored.
func CheckHolder(clientID string) error { return CheckText("client_id", clientID, MaxHolder) }

// Submission reports whether the run was ever submitted to be run by a worker, and the
// id of its parameters, which the worker needs; empty: it has none.
func (r *Run) Submission() (parametersID string, background bool) {
	if r.Delivery != nil {
		return r.TaskParametersID(), true
	}
	for _, state := range r.States() {
		if deferred := state.Details.Deferred; deferred != nil && *deferred && !state.Reported {
			return r.TaskParametersID(), true
		}
	}
	return "", false
}
