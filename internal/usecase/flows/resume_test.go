package flows_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const askSchema = `{"type": "object", "title": "Ask", "properties": {"n": {"type": "integer"}, "why": {"type": "string", "default": "none"}}, "required": ["n"]}`

// askingForInput is the pause of a flow that waits for input.
func askingForInput(p *taskrun.Proposal) {
	p.Details.RunInputKeyset = map[string]string{"schema": "paused-1-schema", "response": "paused-1-response"}
}

func (f *fixture) mustResume(t testingT, id, input string) flowrun.Outcome {
	t.Helper()
	outcome, err := f.Resume(context.Background(), id, json.RawMessage(input))
	if err != nil {
		t.Fatalf("Resume(%s): %v", input, err)
	}
	return outcome
}

func (f *fixture) mustAsk(t testingT, id string) {
	t.Helper()
	if err := f.CreateInput(context.Background(), flowrun.Input{RunID: id, Key: "paused-1-schema", Value: askSchema}); err != nil {
		t.Fatalf("CreateInput(): %v", err)
	}
}

func TestResume_continuesPausedRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	f.mustSet(t, run.ID, orchestration.Paused, func(p *taskrun.Proposal) { p.Details.PauseKey = new("1") })
	outcome := f.mustResume(t, run.ID, `{"ignored": 1}`)
	if !outcome.Written || outcome.Status != orchestration.Accept || outcome.State.Type != orchestration.Running || *outcome.State.Details.Deferred {
		t.Errorf("outcome %+v, want RUNNING", outcome)
	}
	got := f.mustGet(t, run.ID)
	if !cmp.Equal(got.PauseKeys, []string{"1"}) || got.RunCount != 2 || got.NonCountingAttempts != 1 {
		t.Errorf("progress %+v, want a second start that consumes no retry", got.FlowRunProgress)
	}
	if inputs, err := f.ListInputs(t.Context(), run.ID, allInputs); err != nil || len(inputs) != 0 {
		t.Errorf("inputs %v, error %v, want none: the pause asked for none", inputs, err)
	}
}

func TestResume_schedulesSuspendedRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running), func(in *flowrun.NewRun) { in.Run.DeploymentID = unknownID })
	f.mustSet(t, run.ID, orchestration.Paused, func(p *taskrun.Proposal) {
		p.Name, p.Details.PauseReschedule = new("Suspended"), true
	})
	outcome := f.mustResume(t, run.ID, "")
	if !outcome.Written || outcome.State.Type != orchestration.Scheduled || outcome.State.Name != "Resuming" || !outcome.State.Details.ScheduledTime.Equal(start) {
		t.Errorf("outcome %+v, want SCHEDULED Resuming now", outcome.State)
	}
}

// A rejection can leave a mark on the run (flows contract §4.4.12), which is no state.
func TestResume_ofSuspendedRunWithoutDeploymentIsRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	f.mustSet(t, run.ID, orchestration.Paused, forced, func(p *taskrun.Proposal) {
		p.Name, p.Details.PauseReschedule = new("Suspended"), true
	})
	told := len(f.told.list)
	outcome := f.mustResume(t, run.ID, "")
	if outcome.Written || outcome.InputRejected || outcome.Status != orchestration.Reject || outcome.State.Type != orchestration.Paused ||
		outcome.Reason != "Cannot reschedule a resuming flow run without a deployment." {
		t.Errorf("outcome %+v, want REJECT with the current state", outcome)
	}
	if got := f.mustGet(t, run.ID); !got.Resuming || len(got.States()) != 2 || len(f.told.list) != told {
		t.Errorf("resuming %t with states %v, notifications %v, want the mark alone", got.Resuming, types(got), f.told.list)
	}
}

func TestResume_ofRunThatIsNotPausedIsAborted(t *testing.T) {
	t.Parallel()
	for _, kind := range orchestration.StateTypes {
		if kind == orchestration.Paused {
			continue
		}
		f := newFixture(t)
		run := f.mustCreate(t, inState(kind))
		outcome := f.mustResume(t, run.ID, "")
		if outcome.State != nil || outcome.Status != orchestration.Abort || outcome.Reason != "Cannot resume a flow run that is not paused." || outcome.Written {
			t.Errorf("%s: outcome %+v, want ABORT without a state", kind, outcome)
		}
	}
	f := newFixture(t)
	if _, err := f.Resume(t.Context(), unknownID, nil); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("of an unknown run: error %v, want ErrNotFound", err)
	}
}

func TestResume_rejectsBadInput(t *testing.T) {
	t.Parallel()
	const missing = "Reason: Validation failed. Failure reason: 'n' is a required property"
	tests := map[string]struct{ schema, input, want string }{
		"no schema":          {input: `{"n":1}`, want: "Run input schema not found."},
		"a schema of no use": {schema: "{no json", input: `{"n":1}`, want: "Run input schema is not valid JSON."},
		"a wrong type":       {schema: askSchema, input: `{"n":"x"}`, want: "Reason: Validation failed for field 'n'. Failure reason: 'x' is not of type 'integer'"},
		"an empty input":     {schema: askSchema, input: `{}`, want: missing},
		"no input":           {schema: askSchema, want: missing},
		"null":               {schema: askSchema, input: `null`, want: missing},
		"no JSON in a value": {
			schema: askSchema, input: `{"n":{"__prefect_kind":"json","value":"x"}}`,
			want: "Error hydrating run input: Invalid JSON: Expecting value: line 1 column 1 (char 0)",
		},
		"a circular schema": {schema: `{"$ref":"#"}`, input: `{"n":1}`, want: "Invalid schema: Unable to validate schema with circular references."},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			run := f.mustCreate(t, inState(orchestration.Paused, askingForInput))
			if tc.schema != "" {
				if err := f.CreateInput(t.Context(), flowrun.Input{RunID: run.ID, Key: "paused-1-schema", Value: tc.schema}); err != nil {
					t.Fatal(err)
				}
			}
			outcome := f.mustResume(t, run.ID, tc.input)
			if outcome.Reason != tc.want || outcome.Status != orchestration.Reject || !outcome.InputRejected || outcome.Written || outcome.State.ID != run.State.ID {
				t.Errorf("outcome %+v, want REJECT %q", outcome, tc.want)
			}
			if got := f.mustGet(t, run.ID); got.State.ID != run.State.ID || got.Resuming {
				t.Errorf("state %+v, want the pause", got.State)
			}
		})
	}
}

func TestResume_storesInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	f.mustSet(t, run.ID, orchestration.Paused, askingForInput)
	f.mustAsk(t, run.ID)
	if outcome := f.mustResume(t, run.ID, `{"n": 4, "more": true}`); !outcome.Written || outcome.State.Type != orchestration.Running {
		t.Fatalf("outcome %+v, want RUNNING", outcome)
	}
	in, err := f.Input(t.Context(), run.ID, "paused-1-response")
	if err != nil || in.Value != `{"n":4,"more":true}` || in.Sender != nil || in.ID == "" || !in.Created.Equal(start) {
		t.Errorf("input %+v, error %v, want what was sent", in, err)
	}
	f.mustSet(t, run.ID, orchestration.Paused, askingForInput)
	f.mustResume(t, run.ID, `{"n": {"__prefect_kind": "json", "value": "5"}}`)
	if in, err = f.Input(t.Context(), run.ID, "paused-1-response"); err != nil || in.Value != `{"n":5}` {
		t.Errorf("input %+v, error %v, want that of the second resume", in, err)
	}
}

// The process of the run reads its input as soon as the run is RUNNING.
func TestResume_storesInputBeforeState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			fault   fault
			wantErr error
		}{
			"the write is lost to others": {fault: conflict}, "its answer is lost": {fault: answerLost, wantErr: taskrun.ErrUnavailable},
			"it is sent twice": {fault: sentTwice}, "it is not done": {fault: notDone, wantErr: taskrun.ErrUnavailable},
		} {
			f := newFixture(t)
			run := f.mustCreate(t, inState(orchestration.Paused, askingForInput))
			f.mustAsk(t, run.ID)
			f.store.Follow(func(_, after *flowrun.Run) {
				if after.State.Type != orchestration.Running {
					t.Errorf("%s: state %s", name, after.State.Type)
				}
			})
			f.faulty(tt.fault)
			if _, err := f.Resume(t.Context(), run.ID, json.RawMessage(`{"n":1}`)); !errors.Is(err, tt.wantErr) {
				t.Errorf("%s: error %v, want %v", name, err, tt.wantErr)
			}
			if in, err := f.Input(t.Context(), run.ID, "paused-1-response"); err != nil || in.Value != `{"n":1}` {
				t.Errorf("%s: input %+v, error %v, want it stored", name, in, err)
			}
		}
	})
}

func TestResume_rejectsInputThatIsTooLong(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Paused, askingForInput))
	f.mustAsk(t, run.ID)
	_, err := f.Resume(t.Context(), run.ID, json.RawMessage(`{"n":1,"more":"`+strings.Repeat("x", flowrun.MaxInput)+`"}`))
	if invalid, ok := errors.AsType[*taskrun.InvalidError](err); !ok || invalid.Field != "value" {
		t.Errorf("error %v, want an InvalidError", err)
	}
}

func TestResume_failsRunWhosePauseIsOver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	f.mustSet(t, run.ID, orchestration.Paused, askingForInput, func(p *taskrun.Proposal) { p.Details.PauseTimeout = &start })
	f.mustAsk(t, run.ID)
	f.clock.Step(time.Second)
	outcome := f.mustResume(t, run.ID, `{"n":1}`)
	if !outcome.Written || outcome.Status != orchestration.Reject || outcome.InputRejected || outcome.State.Type != orchestration.Failed {
		t.Errorf("outcome %+v, want REJECT with FAILED", outcome)
	}
	if _, err := f.Input(t.Context(), run.ID, "paused-1-response"); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("input: error %v, want none: the resume was not accepted", err)
	}
}
