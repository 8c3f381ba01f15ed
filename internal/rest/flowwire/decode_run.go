package flowwire

import (
	"encoding/json"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// RunCreate is a FlowRunCreate.
type RunCreate struct {
	flowrun.NewRun

	// What a run can name but a namespace never has: block documents and work pools. Empty
	// ones are not given.
	InfrastructureDocumentID string
	WorkPoolName             string
}

// DecodeRunCreate reads a FlowRunCreate (flows contract §3.2), and the creator in the headers of the request.
func DecodeRunCreate(body pyjson.Value, header Header) (in RunCreate, err error) {
	var faults validate.Faults
	creator := readCreator(&faults, header)
	if body.IsNull() {
		faults.Report(validate.Missing(body, "body"))
		return in, wire.Invalid(&faults, body)
	}
	body = wire.WithDeprecatedPolicy(body)
	faults.Node(body, "body").Closed(func(m *validate.Model) { in = readRunCreate(m) })
	in.Run.CreatedBy = creator
	return in, wire.Invalid(&faults, body)
}

func readRunCreate(m *validate.Model) (in RunCreate) {
	run := &in.Run
	in.State = wire.ReadInitialState(m)
	run.Name = wire.ReadName(m)
	if n, given := m.Required("flow_id"); given {
		run.FlowID = n.UUID()
	}
	run.FlowVersion = wire.ReadOptional(m, "flow_version", validate.Node.Text)
	run.Parameters = readParameters(m)
	run.Context = readContext(m)
	run.ParentTaskRunID = wire.ReadUUID(m, "parent_task_run_id")
	in.InfrastructureDocumentID = wire.ReadUUID(m, "infrastructure_document_id")
	policy := readPolicy(m)
	run.Policy, run.PauseKeys, run.Resuming, run.RetryType = policy.Policy, policy.PauseKeys, policy.Resuming, policy.RetryType
	run.Tags = wire.ReadTags(m)
	run.Labels = wire.ReadLabels(m)
	run.IdempotencyKey = wire.ReadOptional(m, "idempotency_key", validate.Node.Text)
	if name := wire.ReadOptional(m, "work_pool_name", validate.Node.Text); name != nil {
		in.WorkPoolName = *name
	}
	run.WorkQueueName = wire.ReadOptional(m, "work_queue_name", validate.Node.Text)
	run.JobVariables = readJobVariables(m, run.IdempotencyKey)
	run.DeploymentID = wire.ReadUUID(m, "deployment_id")
	return in
}

// readContext reads an object. Without the key it is empty.
func readContext(m *validate.Model) json.RawMessage {
	n, given := m.Field("context")
	if !given {
		return emptyObject
	}
	return readObject(n)
}

func readObject(n validate.Node) json.RawMessage { return n.Object().AppendTo(nil) }

// readJobVariables reads the job variables. Without any, those of a run with an idempotency key are null and those of
// other runs are empty (flows contract §3.2).
func readJobVariables(m *validate.Model, idempotencyKey *string) json.RawMessage {
	n, given := m.Given("job_variables")
	switch {
	case given:
		return readObject(n)
	case idempotencyKey != nil && *idempotencyKey != "":
		return nil
	default:
		return emptyObject
	}
}

// readParameters reads the parameters of a run. Without the key they are empty.
func readParameters(m *validate.Model) json.RawMessage {
	n, given := m.Field("parameters")
	if !given {
		return emptyObject
	}
	parameters := n.Object()
	if size := parameters.DumpedBytes(); parameters.Kind() == pyjson.Object && size > flowrun.MaxParameters {
		n.Refuse("Flow run parameters must be less than " + grouped(flowrun.MaxParameters) +
			" bytes when serialized (got " + grouped(size) + " bytes).")
	}
	return parameters.AppendTo(nil)
}

// DecodeRunUpdate reads a FlowRunUpdate (flows contract §2.2). Keys that the body does not have change nothing.
func DecodeRunUpdate(body pyjson.Value) (edit flowrun.Edit, err error) {
	body = wire.WithDeprecatedPolicy(body)
	err = wire.ReadModel(body, func(m *validate.Model) {
		edit.Name = wire.ReadNameColumn(m)
		edit.FlowVersion = wire.ReadNullable(m, "flow_version", validate.Node.Text)
		edit.Parameters = wire.ReadPart(m, "parameters", readParameters)
		edit.Policy = wire.ReadPart(m, "empirical_policy", readPolicy)
		edit.Tags = wire.ReadPart(m, "tags", wire.ReadTags)
		edit.InfrastructurePID = wire.ReadNullable(m, "infrastructure_pid", validate.Node.Text)
		edit.JobVariables = wire.ReadNullable(m, "job_variables", readObject)
	})
	return edit, err
}
