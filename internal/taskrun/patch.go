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

// OrNil is nil if no column is given.
func (c *Patch) OrNil() *Patch {
	if *c == (Patch{}) {
		return nil
	}
	return c
}

// ApplySpec sets those fields that a run is made with. A store does so with
// Run.Reported when it reads a run. Of nil there is nothing to set.
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

// applyProgress sets the fields that transitions count.
func (c *Patch) applyProgress(p *orchestration.Progress) {
	setValue(&p.RunCount, c.RunCount)
	setValue(&p.FlowRunRunCount, c.FlowRunRunCount)
	setPointer(&p.ExpectedStartTime, c.ExpectedStartTime)
	setPointer(&p.NextScheduledStartTime, c.NextScheduledStartTime)
	setPointer(&p.StartTime, c.StartTime)
	setPointer(&p.EndTime, c.EndTime)
	setValue(&p.TotalRunTime, c.TotalRunTime)
}

// setText leaves a field that is never null alone when the column is.
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

// setValue sets a field whose null is its zero value.
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

// diff adds to reported those columns, of the fields that a run is made
// with, in which c differs from the run. What was reported before is overruled.
// The result is nil if there are none.
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

// note adds a column. What the run has already, or what is left of it there after
// it was cut, is not noted.
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

// same compares two values; empty lists and maps are all alike.
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

// NaturalKey returns the natural key that the columns give. Parts that they do not
// give are empty.
func (c *Patch) NaturalKey() NaturalKey {
	return NaturalKey{FlowRunID: deref(c.FlowRunID.Value), TaskKey: deref(c.TaskKey.Value), DynamicKey: deref(c.DynamicKey.Value)}
}
