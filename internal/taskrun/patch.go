package taskrun

import (
	"reflect"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Apply sets the fields of the run that the patch has.
func (c *Patch) Apply(run *Run) {
	c.ApplySpec(run)
	c.applyProgress(&run.Progress)
}

// OrNil returns nil if no field is set.
func (c *Patch) OrNil() *Patch {
	if *c == (Patch{}) {
		return nil
	}
	return c
}

// ApplySpec sets only fields that belong to spec. A store applies Run.Reported
// when it reads a run. It does nothing for nil.
func (c *Patch) ApplySpec(run *Run) {
	if c == nil {
		return
	}
	setValue(&run.FlowRunID, c.FlowRunID)
	setText(&run.Name, c.Name)
	setText(&run.TaskKey, c.TaskKey)
	setText(&run.DynamicKey, c.DynamicKey)
	setPointer(&run.CacheKey, c.CacheKey)
	setPointer(&run.CacheExpiration, c.CacheExpiration)
	setPointer(&run.TaskVersion, c.TaskVersion)
	setValue(&run.Policy, c.Policy)
	setValue(&run.Tags, c.Tags)
	setValue(&run.Labels, c.Labels)
	setValue(&run.TaskInputs, c.TaskInputs)
}

// applyProgress sets the fields of the run's progress.
func (c *Patch) applyProgress(p *orchestration.Progress) {
	setValue(&p.RunCount, c.RunCount)
	setValue(&p.FlowRunRunCount, c.FlowRunRunCount)
	setPointer(&p.ExpectedStartTime, c.ExpectedStartTime)
	setPointer(&p.NextScheduledStartTime, c.NextScheduledStartTime)
	setPointer(&p.StartTime, c.StartTime)
	setPointer(&p.EndTime, c.EndTime)
	setValue(&p.TotalRunTime, c.TotalRunTime)
}

// setText sets a field that cannot be null. It ignores a null.
func setText(field *string, c Optional[string]) {
	if c.Given && c.Value != nil {
		*field = *c.Value
	}
}

// setPointer sets a field that can be null.
func setPointer[T any](field **T, c Optional[T]) {
	if c.Given {
		*field = c.Value
	}
}

// setValue sets a field whose zero value represents null.
func setValue[T any](field *T, c Optional[T]) {
	if !c.Given {
		return
	}
	var zero T
	*field = zero
	if c.Value != nil {
		*field = *c.Value
	}
}

// diff adds to reported the fields of spec in which c differs from the run. It
// replaces fields that were reported before. The result is nil if there are none.
func (c *Patch) diff(run *Run) *Patch {
	var reported Patch
	if run.Reported != nil {
		reported = *run.Reported
	}
	note(&reported.FlowRunID, c.FlowRunID, orNull(run.FlowRunID))
	note(&reported.Name, c.Name, &run.Name, isCutOfOptional)
	note(&reported.TaskKey, c.TaskKey, &run.TaskKey)
	note(&reported.DynamicKey, c.DynamicKey, &run.DynamicKey)
	note(&reported.CacheKey, c.CacheKey, run.CacheKey)
	note(&reported.CacheExpiration, c.CacheExpiration, run.CacheExpiration)
	note(&reported.TaskVersion, c.TaskVersion, run.TaskVersion, isCutOfOptional)
	note(&reported.Policy, c.Policy, &run.Policy)
	note(&reported.Tags, c.Tags, &run.Tags, tagsCutOf)
	note(&reported.Labels, c.Labels, &run.Labels, labelsCutOf)
	note(&reported.TaskInputs, c.TaskInputs, &run.TaskInputs, inputsCutOf)
	return reported.OrNil().fitReported()
}

// note adds a field. It does not add a value that the run already has, whole or
// truncated.
func note[T any](reported *Optional[T], c Optional[T], present *T, cutOf ...func(part, whole *T) bool) {
	for _, is := range cutOf {
		if c.Given && !reported.Given && is(present, c.Value) {
			return
		}
	}
	if c.Given && (reported.Given || !same(c.Value, present)) {
		*reported = c
	}
}

// same compares two values. Empty lists and maps are equal to nil.
func same[T any](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := reflect.ValueOf(*a), reflect.ValueOf(*b)
	switch x.Kind() {
	case reflect.Slice, reflect.Map:
		if x.Len() == 0 && y.Len() == 0 {
			return true
		}
	default:
	}
	return reflect.DeepEqual(*a, *b)
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// NaturalKey returns the natural key in the patch. Unset parts are empty.
func (c *Patch) NaturalKey() NaturalKey {
	return NaturalKey{FlowRunID: deref(c.FlowRunID.Value), TaskKey: deref(c.TaskKey.Value), DynamicKey: deref(c.DynamicKey.Value)}
}
