package convert

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// The names of the fields of spec that can be null over REST although spec has a value.
const (
	clearedFlowVersion       = "flowVersion"
	clearedInfrastructurePID = "infrastructurePID"
	clearedJobVariables      = "jobVariables"
	clearedLabels            = "labels"
)

// applyEffective sets the fields of the run that clients can change: those of spec, and
// those in which the run differs from spec. What a user can change in spec, too, differs
// only while spec has the value that was replaced.
func (f *FlowRun) applyEffective(run *flowrun.Run, status *v1alpha1.FlowRunStatus) {
	run.Editable, run.Labels = f.spec.Editable, f.spec.labels
	parameters, jobVariables := f.spec.parameters, f.spec.jobVariables
	if e := status.Effective; e != nil {
		exact := flowRunWireFromText(e.Wire)
		f.applyReplaced(run, status, exact.flowPolicyWire)
		if e.ParametersReplaces == f.spec.parameters.hash() {
			parameters = partFromObject(nil, e.ParametersJSON, e.ParametersDataName)
			parameters.Text = parameters.orEmpty()
		}
		cleared := func(field string) bool { return slices.Contains(e.Cleared, field) }
		if e.JobVariablesJSON != nil || e.JobVariablesDataName != "" || cleared(clearedJobVariables) {
			jobVariables = partFromObject(nil, e.JobVariablesJSON, e.JobVariablesDataName)
		}
		run.FlowVersion = orCleared(f.spec.FlowVersion, e.FlowVersion, cleared(clearedFlowVersion))
		run.InfrastructurePID = orCleared(f.spec.InfrastructurePID, e.InfrastructurePID, cleared(clearedInfrastructurePID))
		if exact.Labels != nil || cleared(clearedLabels) {
			run.Labels = exact.Labels
		}
	}
	run.Parameters, run.Unloaded.Parameters = parameters.Text, parameters.Ref
	run.JobVariables, run.Unloaded.JobVariables = jobVariables.Text, jobVariables.Ref
}

// applyReplaced sets the name, the tags and the policy that replace those of spec.
func (f *FlowRun) applyReplaced(run *flowrun.Run, status *v1alpha1.FlowRunStatus, exact flowPolicyWire) {
	e := status.Effective
	if e.NameReplaces == nameHashText(nameHash(f.spec.Name)) {
		run.Name = status.Name
	}
	if e.TagsReplaces == fieldHash(f.spec.Tags) {
		run.Tags = e.Tags
	}
	if e.PolicyReplaces == fieldHash(f.spec.Policy) {
		run.Policy = flowPolicyFromObject(e.EmpiricalPolicy, exact)
	}
}

// orCleared is the text of spec, unless another one or none replaces it.
func orCleared(spec, effective *string, cleared bool) *string {
	if effective != nil || cleared {
		return effective
	}
	return spec
}

// effective is the inverse of applyEffective. The name is status.name.
func (f *FlowRun) effective(run *flowrun.Run, parameters, jobVariables Part) *v1alpha1.FlowRunEffective {
	e := f.effectiveWithoutParts(run)
	if !parameters.equal(f.spec.parameters) {
		e.ParametersReplaces = f.spec.parameters.hash()
		e.ParametersJSON, e.ParametersDataName = parameters.toObject()
	}
	if !jobVariables.equal(f.spec.jobVariables) {
		e.JobVariablesJSON, e.JobVariablesDataName = jobVariables.toObject()
		if jobVariables.none() {
			e.Cleared = append(e.Cleared, clearedJobVariables)
		}
	}
	if reflect.ValueOf(*e).IsZero() {
		return nil
	}
	return e
}

func (f *FlowRun) effectiveWithoutParts(run *flowrun.Run) *v1alpha1.FlowRunEffective {
	e, spec := &v1alpha1.FlowRunEffective{}, &f.spec
	var exact flowRunWire
	if run.Name != spec.Name {
		e.NameReplaces = nameHashText(nameHash(spec.Name))
	}
	if !slices.Equal(run.Tags, spec.Tags) {
		e.TagsReplaces, e.Tags = fieldHash(spec.Tags), append([]string{}, run.Tags...)
	}
	if !reflect.DeepEqual(run.Policy, spec.Policy) {
		e.PolicyReplaces, e.EmpiricalPolicy = fieldHash(spec.Policy), flowPolicyToObject(run.Policy, &exact.flowPolicyWire)
	}
	e.FlowVersion = replacing(e, spec.FlowVersion, run.FlowVersion, clearedFlowVersion)
	e.InfrastructurePID = replacing(e, spec.InfrastructurePID, run.InfrastructurePID, clearedInfrastructurePID)
	switch {
	case sameLabels(run.Labels, spec.labels):
	case run.Labels == nil:
		e.Cleared = append(e.Cleared, clearedLabels)
	default:
		exact.Labels = run.Labels
	}
	e.Wire = exact.text()
	return e
}

// replacing returns the text of the run if it is not that of spec, and adds a missing one
// to the cleared fields.
func replacing(e *v1alpha1.FlowRunEffective, spec, run *string, name string) *string {
	switch {
	case run == nil && spec != nil:
		e.Cleared = append(e.Cleared, name)
		return nil
	case run == nil || (spec != nil && *spec == *run):
		return nil
	default:
		return clone(run)
	}
}

func sameLabels(a, b map[string]json.RawMessage) bool {
	if (a == nil) != (b == nil) || len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if other, ok := b[key]; !ok || !bytes.Equal(value, other) {
			return false
		}
	}
	return true
}

// fieldHash is a hash of a value of spec. It is the same on every replica and in every
// version.
func fieldHash(value any) string { return nameHashText(nameHash(string(encoded(value)))) }

// PartsApart returns the parts of a new run that do not fit into its object, and have to
// be stored apart. The largest ones are.
func PartsApart(run *flowrun.Run) (parameters, context, jobVariables bool) {
	room := flowrun.MaxText - textsOfFlowRun(&flowRunWithoutParts(run, "").Spec)
	all := []newPart{{run.JobVariables, &jobVariables}, {run.Context, &context}, {run.Parameters, &parameters}}
	slices.SortStableFunc(all, func(a, b newPart) int { return len(a.text) - len(b.text) })
	for _, part := range all {
		*part.apart = !fits(part.text, &room)
	}
	return parameters, context, jobVariables
}

// newPart is a part of a new run, and whether it is stored apart.
type newPart struct {
	text  json.RawMessage
	apart *bool
}

// EditedPartsApart returns the parts that have to be stored apart, because they differ from
// spec and do not fit into the status.
func EditedPartsApart(run *flowrun.Run, base *FlowRun, parameters, jobVariables Part) (parametersApart, jobVariablesApart bool) {
	room := flowrun.MaxEdited - textsOfEffective(base.effectiveWithoutParts(run))
	if !jobVariables.equal(base.spec.jobVariables) {
		jobVariablesApart = !fits(jobVariables.Text, &room)
	}
	if !parameters.equal(base.spec.parameters) {
		parametersApart = !fits(parameters.Text, &room)
	}
	return parametersApart, jobVariablesApart
}

// Requested returns the references of spec to parts that are stored apart.
func (f *FlowRun) Requested() flowrun.Parts {
	return flowrun.Parts{
		Parameters: f.spec.parameters.Ref, Context: f.Run.Unloaded.Context, JobVariables: f.spec.jobVariables.Ref,
	}
}

// fits reports whether a text fits into the object, and takes its characters from room.
func fits(text json.RawMessage, room *int) bool {
	n := utf8.RuneCount(text)
	if len(text) > flowrun.MaxInline || n > *room {
		return false
	}
	*room -= n
	return true
}
