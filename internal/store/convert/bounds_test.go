package convert

import (
	"context"
	"testing"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// TestObjectFromRun_overlongRun counts characters like the rules of the CRD, without
// an API server.
func TestObjectFromRun_overlongRun(t *testing.T) {
	t.Parallel()
	storetest.Oversize(t, countingStore{Store: memory.New(), t: t})
}

// countingStore is an in-memory store that checks the objects that would be written.
type countingStore struct {
	taskrun.Store

	t *testing.T
}

func (s countingStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	spec := &ObjectFromRun(run, "default").Spec
	if n := specText(spec); n > taskrun.MaxText-taskrun.MaxName+len([]rune(spec.Name)) {
		s.t.Errorf("the texts of spec have %d characters, want at most %d with a name of %d", n, taskrun.MaxText, taskrun.MaxName)
	}
	s.count("tags", len(spec.Tags), taskrun.MaxTags)
	s.count("labels", len(spec.Labels)+len(wireFromText(spec.Origin.Wire).Labels), taskrun.MaxLabels)
	s.count("arguments", len(spec.TaskInputs), taskrun.MaxInputKeys)
	inputs := 0
	for i := range spec.TaskInputs {
		inputs += len(spec.TaskInputs[i].Sources)
	}
	s.count("inputs", inputs, taskrun.MaxInputs)
	return s.Store.Create(ctx, run)
}

func (s countingStore) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	status := StatusFromRun(run)
	if status.Effective != nil {
		s.count("status.effective", effectiveText(status.Effective), taskrun.MaxReported)
		// The stored run equals the run in use.
		read := *run
		read.Reported = effectiveFromObject(&status, run.Ref.Asked)
		read.Reported.ApplySpec(&read)
		if read.Name != run.Name || len(read.Tags) != len(run.Tags) || len(read.Labels) != len(run.Labels) || len(read.TaskInputs) != len(run.TaskInputs) {
			s.t.Errorf("the run is %+v, and read back %+v", run, read)
		}
	}
	n := stateTextOf(&v1alpha1.ProposedState{
		Name: status.State.Name, Message: status.State.Message, DataJSON: status.State.DataJSON, StateDetails: status.State.StateDetails,
	})
	for i := range status.History {
		past := &status.History[i]
		n += stateTextOf(&v1alpha1.ProposedState{Name: past.Name, Message: past.Message, DataJSON: past.DataJSON, StateDetails: past.StateDetails})
	}
	s.count("texts of status", n, taskrun.MaxText)
	return s.Store.UpdateProgress(ctx, run)
}

func (s countingStore) count(what string, n, most int) {
	if n > most {
		s.t.Errorf("%s: %d, want at most %d", what, n, most)
	}
}

func specText(spec *v1alpha1.TaskRunSpec) int {
	n := runes(&spec.Name, spec.TaskKey, spec.DynamicKey, spec.CacheKey, spec.TaskVersion)
	for i := range spec.Tags {
		n += runes(&spec.Tags[i])
	}
	for key := range spec.Labels {
		n += runes(&key) + v1alpha1.MaxLabelText
	}
	n += max(0, runes(&spec.Origin.Wire)-264)
	for _, argument := range spec.TaskInputs {
		n += runes(&argument.Name)
		for _, source := range argument.Sources {
			n += 20 + runes(source.Name, source.Type)
		}
	}
	return n + stateTextOf(spec.InitialState)
}

// effectiveText counts the texts of effective like the rule of the CRD.
func effectiveText(e *v1alpha1.Effective) int {
	n := runes(e.FlowRunID, e.TaskKey, e.DynamicKey, e.CacheKey, e.TaskVersion, &e.Wire)
	for _, tag := range e.Tags {
		n += runes(&tag)
	}
	return n
}

func stateTextOf(s *v1alpha1.ProposedState) int {
	n := 128 + runes(s.Name, s.Message, s.DataJSON)
	if d := s.StateDetails; d != nil {
		n += runes(d.CacheKey, d.PauseKey, d.Traceparent)
		for key, value := range d.RunInputKeyset {
			n += runes(&key, &value)
		}
	}
	return n
}

func runes(texts ...*string) (n int) {
	for _, text := range texts {
		if text != nil {
			n += utf8.RuneCountInString(*text)
		}
	}
	return n
}
