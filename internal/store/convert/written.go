package convert

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Created returns the run of an object that was created from a run, with the metadata of
// the response. It equals RunFromObject of the object, but takes the fields of the spec
// from the run. The progress follows from the initial state of the object, as on every
// replica: the run can have more, which the events of its worker reported and a create does
// not store. The result shares no bytes with the run that a request could own.
func Created(run *taskrun.Run, o *v1alpha1.TaskRun) *taskrun.Run {
	after := *run
	after.Created = within(run.Created)
	after.Updated = after.Created
	after.Name = cmp.Or(run.Name, o.Name)
	after.CacheExpiration = storedTime(run.CacheExpiration)
	after.TTL = ttlFromObject(o.Spec.TTLSecondsAfterFinished)
	after.Labels = ownLabels(run.Labels)
	after.History, after.HistoryDropped, after.Decisions = nil, 0, nil
	after.Reported, after.Delivery, after.Named, after.ExpirationTime = nil, nil, nil, nil
	after.StatusStale, after.OnHold, after.CreatedViaREST = isStale(o), onHold(o), fromCreate(o)
	after.Ref = refOf(o)
	return newRunOf(&after, o)
}

// newRunOf returns the run of an object without a status, in its initial state.
func newRunOf(run *taskrun.Run, o *v1alpha1.TaskRun) *taskrun.Run {
	started := taskrun.Begin(*run, initialState(o, run.Created))
	if started.Finished() { // the times in spec can be in the future
		started.EndRecorded = endRecorded(o.CreationTimestamp, originOf(o).CreatedTime)
	}
	if started.Delivery == nil {
		started.DeliverFirst(firstHold(originOf(o).Delivery))
	}
	return &started
}

// Written returns the run of an object after the status of run was written to the version
// of base. It equals RunFromObject of the object, but is built from the two runs: base has
// the values of the spec, and run those of the status. A run without a state leaves the
// progress of base as it is, because such a status has none. Of the object, it reads the
// new metadata and the conditions.
func Written(base, run *taskrun.Run, o *v1alpha1.TaskRun) *taskrun.Run {
	after := *base
	after.Updated = latest(base.Updated, storedTime(&run.Updated))
	after.Decisions = storedDecisions(run.Decisions)
	after.Delivery = storedDelivery(run.Delivery)
	after.SetNamed(base.Named.WithIDs(resolvedIDs(o.Status.InputTaskRunIDs)))
	after.Reported = run.Reported
	if run.Reported != base.Reported {
		after.Reported = storedPatch(run.Reported)
	}
	after.Reported.ApplySpec(&after)
	after.Ref.ResourceVersion, after.Ref.Generation = o.ResourceVersion, o.Generation
	after.StatusStale = isStale(o)
	if run.State == nil {
		return &after
	}
	after.OnHold = false
	after.Progress = storedProgress(&run.Progress)
	after.State = new(storedState(run.State, base))
	after.History = storedStates(run.History, base)
	after.HistoryDropped = counted(run.HistoryDropped)
	after.EndRecorded = endOf(&o.Status)
	after.ExpirationTime = storedTime(run.ExpirationTime)
	return &after
}

// storedTime returns the time in the form of an object: the same pointer if the time is
// unchanged and in UTC.
func storedTime(t *time.Time) *time.Time {
	if t == nil || (within(*t).Equal(*t) && t.Location() == time.UTC) {
		return t
	}
	return new(within(*t))
}

// storedProgress returns the progress in the form of an object, without the state.
func storedProgress(p *orchestration.Progress) orchestration.Progress {
	return orchestration.Progress{
		RunCount: counted(p.RunCount), FlowRunRunCount: counted(p.FlowRunRunCount),
		ExpectedStartTime: storedTime(p.ExpectedStartTime), NextScheduledStartTime: storedTime(p.NextScheduledStartTime),
		StartTime: storedTime(p.StartTime), EndTime: storedTime(p.EndTime),
		TotalRunTime: min(max(p.TotalRunTime, -longestRunTime), longestRunTime),
	}
}

// storedStates returns states in the form of an object, in a new list.
func storedStates(states []orchestration.State, base *taskrun.Run) []orchestration.State {
	if len(states) == 0 {
		return nil
	}
	stored := make([]orchestration.State, len(states))
	for i := range states {
		stored[i] = storedState(&states[i], base)
	}
	return stored
}

// storedState returns a state in the form of an object. It shares the data with a state of
// base.
func storedState(s *orchestration.State, base *taskrun.Run) orchestration.State {
	stored := *s
	stored.Timestamp = within(s.Timestamp)
	if !s.Occurred.IsZero() {
		stored.Occurred = within(s.Occurred)
	}
	stored.Data = storedData(s, base)
	d := &stored.Details
	d.ScheduledTime, d.CacheExpiration, d.PauseTimeout = storedTime(d.ScheduledTime), storedTime(d.CacheExpiration), storedTime(d.PauseTimeout)
	return stored
}

// storedData returns the data of a state in the form of an object: a copy, unless base has
// the same bytes.
func storedData(s *orchestration.State, base *taskrun.Run) json.RawMessage {
	if len(s.Data) == 0 {
		return nil
	}
	for i := range base.StateCount() {
		if known := base.StateAt(i).Data; len(known) == len(s.Data) && &known[0] == &s.Data[0] {
			return s.Data
		}
	}
	if isNull(s.Data) || !json.Valid(s.Data) {
		return nil
	}
	return bytes.Clone(s.Data)
}

func storedDecisions(decisions []taskrun.ProposalDecision) []taskrun.ProposalDecision {
	if len(decisions) == 0 {
		return nil
	}
	stored := slices.Clone(decisions)
	for i := range stored {
		stored[i].EvaluatedAt = within(stored[i].EvaluatedAt)
	}
	return stored
}

func storedDelivery(d *taskrun.Delivery) *taskrun.Delivery {
	if d == nil {
		return nil
	}
	stored := *d
	stored.Since, stored.Attempts = within(d.Since), min(max(d.Attempts, 1), math.MaxInt32)
	return &stored
}

// storedPatch returns the reported fields in the form of an object: a null name and the
// fields of the progress are not stored.
func storedPatch(p *taskrun.Patch) *taskrun.Patch {
	if p == nil {
		return nil
	}
	stored := &taskrun.Patch{
		FlowRunID: p.FlowRunID, TaskKey: p.TaskKey, DynamicKey: p.DynamicKey, CacheKey: p.CacheKey,
		CacheExpiration: p.CacheExpiration, TaskVersion: p.TaskVersion, Policy: p.Policy, Tags: p.Tags,
		Labels: p.Labels, TaskInputs: p.TaskInputs,
	}
	if p.Name.Value != nil {
		stored.Name = p.Name
	}
	stored.CacheExpiration.Value = storedTime(p.CacheExpiration.Value)
	if labels := p.Labels.Value; labels != nil {
		stored.Labels.Value = new(ownLabels(*labels))
	}
	return stored.OrNil()
}

// ownLabels returns a copy of labels.
func ownLabels(labels map[string]json.RawMessage) map[string]json.RawMessage {
	if labels == nil {
		return nil
	}
	own := make(map[string]json.RawMessage, len(labels))
	for key, value := range labels {
		own[key] = bytes.Clone(value)
	}
	return own
}
