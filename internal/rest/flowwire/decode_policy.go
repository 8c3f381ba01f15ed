package flowwire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// readPolicy reads a FlowRunPolicy whose deprecated keys have set the others (flows contract §3.3). Other keys do not
// matter. pause_keys of null are no keys, and resuming of null is false.
func readPolicy(run *validate.Model) (p flowrun.EmpiricalPolicy) {
	n, given := run.Field("empirical_policy")
	if !given {
		return p
	}
	m, ok := n.Model()
	if !ok {
		return p
	}
	if n, given := m.Field("max_retries"); given {
		p.MaxRetries = n.Int()
	}
	if n, given := m.Field("retry_delay_seconds"); given {
		p.RetryDelaySeconds = wire.Finite(n.Float())
	}
	p.Retries = wire.ReadOptional(m, "retries", wire.ReadInt64)
	p.RetryDelay = wire.ReadOptional(m, "retry_delay", wire.ReadInt64)
	if n, given := m.Given("pause_keys"); given {
		p.PauseKeys = validate.Set(n, validate.Node.Text)
	}
	if n, given := m.Given("resuming"); given {
		p.Resuming = n.Bool()
	}
	if n, given := m.Given("retry_type"); given {
		p.RetryType = orchestration.RetryType(n.Literal(string(orchestration.RetryInProcess), string(orchestration.RetryReschedule)))
	}
	return p
}
