package storetest

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// fixture returns a new run to be stored at each call.
type fixture struct {
	initial func() taskrun.Proposal
	change  func(*taskrun.Run)
}

func (f fixture) run() *taskrun.Run {
	initial := pending()
	if f.initial != nil {
		initial = f.initial()
	}
	return begun(1, initial, f.change)
}

var (
	east = time.FixedZone("", 2*60*60)
	west = time.FixedZone("", -(5*60+30)*60)
)

// fixtures are runs with values that a store could convert incorrectly.
func fixtures() map[string]fixture {
	return map[string]fixture{
		"with as little as can be":             {},
		"with every field set":                 {initial: richProposal, change: enrich},
		"with empty texts, which are not null": {initial: emptyProposal, change: emptyTexts},
		"with an empty list of delays": {change: func(r *taskrun.Run) {
			r.Policy = taskrun.Policy{RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{}}}
		}},
		"with a list of one delay": {change: func(r *taskrun.Run) {
			r.Policy = taskrun.Policy{Retries: "0", RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{"5.0"}}}
		}},
		"with one delay": {change: func(r *taskrun.Run) {
			r.Policy = taskrun.Policy{Retries: "-1", RetryDelay: &taskrun.RetryDelay{Seconds: []string{"4"}}}
		}},
		"with no labels where there could be": {change: func(r *taskrun.Run) {
			r.Labels = map[string]json.RawMessage{}
		}},
		"with an argument from nowhere": {change: func(r *taskrun.Run) {
			r.TaskInputs = map[string][]taskrun.TaskInput{"x": {}}
		}},
		"deferred, which makes it a background run": {initial: func() taskrun.Proposal {
			return taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{Deferred: new(true)}}
		}},
		"deferred false, which is not null": {initial: func() taskrun.Proposal {
			return taskrun.Proposal{Type: orchestration.Pending, Details: orchestration.StateDetails{Deferred: new(false)}}
		}},
		"deferred null beside another detail": {initial: func() taskrun.Proposal {
			return taskrun.Proposal{Type: orchestration.Pending, Details: orchestration.StateDetails{Retriable: new(false)}}
		}},
		"deferred false beside another detail": {initial: func() taskrun.Proposal {
			return taskrun.Proposal{
				Type:    orchestration.Pending,
				Details: orchestration.StateDetails{Deferred: new(false), RefreshCache: new(false)},
			}
		}},
		"that has finished already": {initial: func() taskrun.Proposal {
			return taskrun.Proposal{Type: orchestration.Failed, Message: new("broken")}
		}},
		"that begins running": {initial: func() taskrun.Proposal { return taskrun.Proposal{Type: orchestration.Running} }},
		"with times that have an offset": {initial: func() taskrun.Proposal {
			at := time.Date(2031, time.February, 3, 4, 5, 6, 250000000, east)
			return taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{ScheduledTime: &at}}
		}, change: func(r *taskrun.Run) {
			r.CacheExpiration = new(time.Date(2031, time.February, 3, 4, 5, 6, 7000, west))
		}},
		"from the ends of time": {initial: func() taskrun.Proposal {
			at := time.Date(9999, time.December, 31, 23, 59, 59, 999_999_000, time.UTC)
			return taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{ScheduledTime: &at}}
		}, change: func(r *taskrun.Run) {
			r.CacheExpiration = new(time.Date(1, time.January, 1, 0, 0, 1, 0, time.UTC))
		}},
		"with data of every kind":       {initial: dataProposal(`[1.0,1e3,-0.0,10000000000000000000000000000000,"<&>",null,{"b":1,"a":2}]`)},
		"with data that is a text":      {initial: dataProposal(`"plain"`)},
		"with data that is an odd text": {initial: dataProposal(`"4\u00e9 \ud800 \u0000"`)},
		"with data that is the text 42": {initial: dataProposal(`"42"`)},
		"with data that is no text":     {initial: dataProposal(`""`)},
		"with data that is false":       {initial: dataProposal(`false`)},
		"with data with blanks in it":   {initial: dataProposal(` { "a" : 1 } `)},
	}
}

// standing are the fixtures that later operations use.
func standing() map[string]fixture {
	return map[string]fixture{
		"that is not to be kept when it has finished": {change: func(r *taskrun.Run) { r.TTL = new(time.Duration(0)) }},
	}
}

func dataProposal(text string) func() taskrun.Proposal {
	return func() taskrun.Proposal {
		return taskrun.Proposal{Type: orchestration.Paused, Data: json.RawMessage(text)}
	}
}

func richProposal() taskrun.Proposal {
	return taskrun.Proposal{
		Type: orchestration.Scheduled, Name: new("AwaitingRetry"), Message: new("first line\nsecond \u2028 line \u00e9 \U0001f600"),
		Data: json.RawMessage(`{"storage_key":"/tmp/a","expiration":null,"serializer":{"type":"pickle"},"n":5.0}`),
		Details: orchestration.StateDetails{
			ChildFlowRunID: runID(90), ScheduledTime: new(start.Add(time.Hour)), CacheKey: new("key"),
			CacheExpiration: new(start.Add(2 * time.Hour)), Deferred: new(true), UntrackableResult: true,
			PauseTimeout: new(start.Add(3 * time.Hour)), PauseReschedule: true, PauseKey: new("pause"),
			RunInputKeyset: map[string]string{"response": "r", "": ""}, RefreshCache: new(true), Retriable: new(false),
			TransitionID: runID(91), TaskParametersID: runID(92), Traceparent: new("00-00-00-00"),
			DeploymentConcurrencyLeaseID: runID(93),
		},
	}
}

func enrich(r *taskrun.Run) {
	r.Name = "Übung <1> & \"2\""
	r.FlowRunID = runID(80)
	r.TaskKey = "etl.load users/8c1f"
	r.DynamicKey = "9\t"
	r.CacheKey = new("cache")
	r.CacheExpiration = new(start.Add(time.Minute))
	r.TaskVersion = new("1.4")
	r.Policy = taskrun.Policy{
		MaxRetries: "3", RetryDelaySeconds: "1.50", Retries: "9007199254740991",
		RetryDelay:        &taskrun.RetryDelay{List: true, Seconds: []string{"4", "5.0", "1e3", "-0.0", "123456789012345678901234567890"}},
		RetryJitterFactor: "0.30",
	}
	r.TTL = new(90 * time.Second)
	r.Tags = []string{"b", "a", "b", "", "é"}
	r.Labels = oddLabels()
	r.TaskInputs = map[string][]taskrun.TaskInput{
		"users": {
			{InputType: taskrun.InputTaskRun, ID: runID(81)},
			{InputType: taskrun.InputFlowRun, ID: runID(82)},
			{InputType: taskrun.InputParameter, Name: "limit"},
			{InputType: taskrun.InputConstant, Type: "int"},
		},
		"": {{InputType: taskrun.InputParameter}, {InputType: taskrun.InputConstant}},
	}
}

func oddLabels() map[string]json.RawMessage {
	labels := map[string]json.RawMessage{}
	for key, text := range map[string]string{
		"text": `"a"`, "empty": `""`, "": `"empty key"`, "prefect.flow-run.id": `"x"`, "a/b:c d\"é": `"odd key"`,
		"angle": `"<&>"`, "escaped": `"\u00e9"`, "surrogate": `"\ud800"`, "separator": "\"\u2028\"",
		"long": `"0123456789012345678901234567890123456789012345678901234567890123456789"`,
		"true": `true`, "false": `false`, "int": `3`, "zero": `0`, "minus zero": `-0`, "minus zero point": `-0.0`,
		"point": `5.0`, "exponent": `1e3`, "float": `0.1`, "small": `1e-9`, "large": `1e+21`,
		"max int": `9223372036854775807`, "big int": `9223372036854775808`, "huge": `1e400`,
		"long int": `123456789012345678901234567890`, "precise": `0.1000000000000000055511151231257827`,
	} {
		labels[key] = json.RawMessage(text)
	}
	return labels
}

func emptyProposal() taskrun.Proposal {
	return taskrun.Proposal{
		Type: orchestration.Pending, Name: new(""), Message: new(""),
		Details: orchestration.StateDetails{
			CacheKey: new(""), PauseKey: new(""), Traceparent: new(""), RunInputKeyset: map[string]string{},
		},
	}
}

func emptyTexts(r *taskrun.Run) {
	r.TaskKey, r.DynamicKey = "", ""
	r.CacheKey, r.TaskVersion = new(""), new("")
}

func testRoundTrips(t *testing.T, open func(t *testing.T) taskrun.Store) {
	t.Helper()
	all := fixtures()
	maps.Copy(all, standing())
	for name, f := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			created, want := mustCreate(t, s, f.run()), f.run()
			if !want.EndRecorded.IsZero() && created.EndRecorded.After(want.EndRecorded) {
				want.EndRecorded = created.EndRecorded // a store has its own clock
			}
			expectEverywhere(t, s, want, created)
			expectUTC(t, created)
		})
	}
}

// expectEverywhere checks the result of every read of a run, and that all read
// the same version as got.
func expectEverywhere(t *testing.T, s taskrun.Store, want, got *taskrun.Run) {
	t.Helper()
	reads := map[string]func() (*taskrun.Run, error){
		"Get":    func() (*taskrun.Run, error) { return s.Get(t.Context(), want.ID) },
		"Find":   func() (*taskrun.Run, error) { return s.Find(t.Context(), want.NaturalKey()) },
		"Reload": func() (*taskrun.Run, error) { return s.Reload(t.Context(), got) },
		"State": func() (*taskrun.Run, error) {
			_, run, err := s.State(t.Context(), want.State.ID)
			return run, err
		},
		"Query": func() (*taskrun.Run, error) {
			page, err := s.Query(t.Context(), taskrun.Query{
				Filter: taskrun.Filter{ID: &taskrun.IDFilter{Any: []string{want.ID}}}, Limit: 2,
			})
			if err != nil || len(page.Runs) != 1 {
				return nil, err
			}
			return page.Runs[0], nil
		},
	}
	if diff := differ(want, got); diff != "" {
		t.Errorf("the write returned another run (-want +got):\n%s", diff)
	}
	if got.Ref == (taskrun.ObjectRef{}) {
		t.Error("the write returned no revision")
	}
	for name, read := range reads {
		run, err := read()
		if err != nil || run == nil {
			t.Errorf("%s: run %v, error %v", name, run, err)
			continue
		}
		if diff := differ(want, run); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if run.Ref != got.Ref {
			t.Errorf("%s: revision %+v, want that of the write: %+v", name, run.Ref, got.Ref)
		}
	}
}

// expectUTC checks that a store returns times in UTC, whatever their original
// zone.
func expectUTC(t *testing.T, run *taskrun.Run) {
	t.Helper()
	times := map[string]*time.Time{
		"created": &run.Created, "updated": &run.Updated, "cache expiration": run.CacheExpiration,
		"expected start time": run.ExpectedStartTime, "next scheduled start time": run.NextScheduledStartTime,
		"start time": run.StartTime, "end time": run.EndTime, "expiration time": run.ExpirationTime,
		"timestamp": &run.State.Timestamp, "scheduled time": run.State.Details.ScheduledTime,
	}
	for _, decision := range run.Decisions {
		times["evaluation of "+decision.Proposal] = &decision.EvaluatedAt
	}
	for name, at := range times {
		if at != nil && at.Location() != time.UTC {
			t.Errorf("%s is in %s, want UTC", name, at.Location())
		}
	}
}
