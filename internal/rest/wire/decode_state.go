package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ReadState reads a StateCreate (contract §2.3).
func ReadState(n validate.Node) taskrun.Proposal {
	var p taskrun.Proposal
	n.Closed(func(m *validate.Model) {
		if typ, given := m.Required("type"); given {
			p.Type = ReadStateType(typ)
		}
		p.Name = ReadOptional(m, "name", validate.Node.Text)
		p.Message = ReadOptional(m, "message", validate.Node.Text)
		if data, given := m.Given("data"); given {
			p.Data = data.Value.AppendTo(nil)
		}
		p.Details = readStateDetails(m)
	})
	return p
}

// ReadStateType reads the type of a state.
func ReadStateType(n validate.Node) orchestration.StateType {
	return validate.Enum(n, orchestration.StateTypes...)
}

// readStateDetails reads StateDetails. The run's own ids are checked and
// dropped, because they are those of the run. Other keys are ignored.
func readStateDetails(state *validate.Model) orchestration.StateDetails {
	no := false
	d := orchestration.StateDetails{Deferred: &no}
	n, given := state.Field("state_details")
	if !given {
		return d
	}
	m, ok := n.Model()
	if !ok {
		return d
	}
	ReadUUID(m, "flow_run_id")
	ReadUUID(m, "task_run_id")
	d.ChildFlowRunID = ReadUUID(m, "child_flow_run_id")
	d.ScheduledTime = ReadOptional(m, "scheduled_time", validate.Node.Time)
	d.CacheKey = ReadOptional(m, "cache_key", validate.Node.Text)
	d.CacheExpiration = ReadOptional(m, "cache_expiration", validate.Node.Time)
	if deferred, given := m.Field("deferred"); given {
		d.Deferred = validate.Optional(deferred, validate.Node.Bool)
	}
	d.UntrackableResult = readFlag(m, "untrackable_result")
	d.PauseTimeout = ReadOptional(m, "pause_timeout", validate.Node.Time)
	d.PauseReschedule = readFlag(m, "pause_reschedule")
	d.PauseKey = ReadOptional(m, "pause_key", validate.Node.Text)
	if keyset, given := m.Given("run_input_keyset"); given {
		d.RunInputKeyset = validate.Dict(keyset, validate.Node.Text)
	}
	d.RefreshCache = ReadOptional(m, "refresh_cache", validate.Node.Bool)
	d.Retriable = ReadOptional(m, "retriable", validate.Node.Bool)
	d.TransitionID = ReadUUID(m, "transition_id")
	d.TaskParametersID = ReadUUID(m, "task_parameters_id")
	d.Traceparent = ReadOptional(m, "traceparent", validate.Node.Text)
	d.DeploymentConcurrencyLeaseID = ReadUUID(m, "deployment_concurrency_lease_id")
	return d
}

// readFlag reads a boolean that may be missing but not null. The default is
// false.
func readFlag(m *validate.Model, key string) bool {
	n, given := m.Field(key)
	return given && n.Bool()
}
