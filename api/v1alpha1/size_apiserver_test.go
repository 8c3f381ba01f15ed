//go:build apiserver

package v1alpha1_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

const (
	longestObject = 128 << 10 // bytes
	// A character that JSON escapes takes six bytes instead of four.
	longestEscapedObject = 192 << 10
)

// TestSchema_largestValidObjectIsSmall fills every field: first those that do not count
// towards the limits on all texts, then texts up to these limits. The API server accepts
// it, and rejects one more character.
func TestSchema_largestValidObjectIsSmall(t *testing.T) {
	for name, c := range map[string]struct {
		character string
		most      int
	}{
		"four-byte characters": {"😀", longestObject},
		"escaped characters":   {"<", longestEscapedObject},
	} {
		t.Run(name, func(t *testing.T) {
			fill := filler(c.character)
			env := testenv.Start(t)
			client := restClient(t, env.Config)
			namespace := env.Namespace(t)

			run := v1alpha1.TaskRun{
				TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "TaskRun"},
				ObjectMeta: metav1.ObjectMeta{Name: strings.Repeat("n", 253)},
				Spec:       fill.spec(taskrun.MaxText),
			}
			over := run
			over.Spec = fill.spec(taskrun.MaxText + 1)
			path := "/apis/taskrun.dev/v1alpha1/namespaces/" + namespace + "/taskruns"
			err := client.Post().AbsPath(path).Body(encode(t, over)).Do(t.Context()).Error()
			wantRefused(t, err, "spec", "12288")
			body, err := client.Post().AbsPath(path).Body(encode(t, run)).Do(t.Context()).Raw()
			if err != nil {
				t.Fatalf("%v: %.500s", err, body)
			}

			var made v1alpha1.TaskRun
			if err := json.Unmarshal(body, &made); err != nil {
				t.Fatal(err)
			}
			path += "/" + run.Name + "/status"
			made.Status = fill.status(taskrun.MaxText + 1)
			err = client.Put().AbsPath(path).Body(encode(t, made)).Do(t.Context()).Error()
			wantRefused(t, err, "status", "12288")
			made.Status = fill.status(taskrun.MaxText)
			body, err = client.Put().AbsPath(path).Body(encode(t, made)).Do(t.Context()).Raw()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("the largest object has %d bytes, spec %d and status %d of them", len(body), len(encode(t, made.Spec)), len(encode(t, made.Status)))
			if len(body) >= c.most {
				t.Errorf("got %d bytes, want less than %d", len(body), c.most)
			}
		})
	}
}

// filler builds the largest objects from one character.
type filler string

func (f filler) text(n int) string { return strings.Repeat(string(f), n) }

// empty returns a text to fill later.
func empty() *string { return new(string) }

// key returns a short key for a number.
func key(i int) string { return fmt.Sprintf("%02d", i) }

// spec returns a spec with this number of characters, as the CRD counts them.
func (f filler) spec(total int) v1alpha1.TaskRunSpec {
	at := v1alpha1.NewMicroTime(time.Date(2031, 2, 3, 4, 5, 6, 250_000, time.UTC))
	number, count, ttl := v1alpha1.Number{Raw: `"` + strings.Repeat("8", taskrun.MaxNumber) + `"`}, int64(9007199254740991), int32(2147483647)
	s := v1alpha1.TaskRunSpec{
		ID: uuidA, FlowRunID: uuidB, CacheExpiration: &at, TTLSecondsAfterFinished: &ttl,
		TaskKey: empty(), DynamicKey: empty(), TaskVersion: empty(), CacheKey: empty(),
		EmpiricalPolicy: &v1alpha1.EmpiricalPolicy{
			Retries: &count, RetryDelay: slices.Repeat([]v1alpha1.Number{number}, taskrun.MaxRetryDelays), RetryJitterFactor: &number,
		},
		Tags:   make([]string, taskrun.MaxTags),
		Labels: map[string]v1alpha1.LabelValue{},
		Origin: &v1alpha1.Origin{
			CreatedTime: &at, StateID: uuidA, StateTime: &at, Source: v1alpha1.SourceEvent, Wire: f.text(264), // do not count
		},
		InitialState: new(proposal()),
	}
	for i := range taskrun.MaxLabels {
		s.Labels[key(i)] = v1alpha1.LabelValue{Raw: []byte(`"` + f.text(v1alpha1.MaxLabelText) + `"`)}
		total -= 2 + v1alpha1.MaxLabelText
	}
	for i := range taskrun.MaxInputKeys {
		s.TaskInputs = append(s.TaskInputs, v1alpha1.TaskArgument{
			Name: key(i), Sources: slices.Repeat([]v1alpha1.TaskInput{{InputType: "parameter", Name: empty()}}, taskrun.MaxInputs/taskrun.MaxInputKeys),
		})
		total -= 2
	}
	total -= nameInputs(s.TaskInputs)
	total -= 20*taskrun.MaxInputs + 128 + 2 // fixed sizes of inputs and of a state, and the quotes of the data
	s.Name = f.take(&total, taskrun.MaxName)
	*s.TaskKey, *s.DynamicKey = f.take(&total, taskrun.MaxTaskKey), f.take(&total, taskrun.MaxDynamicKey)
	*s.CacheKey, *s.TaskVersion = f.take(&total, taskrun.MaxCacheKey), f.take(&total, taskrun.MaxTaskVersion)
	data := f.take(&total, taskrun.MaxData-2)
	*s.InitialState.Message = f.take(&total, taskrun.MaxMessage)
	*s.InitialState.DataJSON = `"` + data + `"`
	return s
}

// nameInputs makes the maximum number of sources name a TaskRun, with short names: such a
// source has the most bytes in addition to its text. It returns the number of characters
// of the names.
func nameInputs(arguments []v1alpha1.TaskArgument) int {
	named := 0
	for _, argument := range arguments {
		for i := range argument.Sources {
			if named < v1alpha1.MaxNamedInputs {
				argument.Sources[i] = v1alpha1.TaskInput{InputType: "task_run", TaskRunName: "n"}
				named++
			}
		}
	}
	return named
}

// take returns a text of at most most of the remaining characters.
func (f filler) take(left *int, most int) string {
	n := min(*left, most)
	*left -= n
	return f.text(n)
}

// proposal returns a state without texts that count.
func proposal() v1alpha1.ProposedState {
	return v1alpha1.ProposedState{
		Type: "CANCELLING", Name: empty(), Message: empty(), DataJSON: new("0"), StateDetails: weightless(),
	}
}

// weightless returns a status with all fields that do not count.
func weightless() *v1alpha1.StateDetails {
	no, at := false, v1alpha1.NewMicroTime(time.Date(2031, 2, 3, 4, 5, 6, 250_000, time.UTC))
	return &v1alpha1.StateDetails{
		ChildFlowRunID: uuidA, TransitionID: uuidA, TaskParametersID: uuidA,
		DeploymentConcurrencyLeaseID: uuidA, ScheduledTime: &at, CacheExpiration: &at, PauseTimeout: &at,
		CacheKey: empty(), PauseKey: empty(), Traceparent: empty(), RunInputKeyset: map[string]string{},
		Deferred: &no, RefreshCache: &no, Retriable: &no, UntrackableResult: true, PauseReschedule: true,
	}
}

// status returns a status with this number of characters, as the CRD counts them.
func (f filler) status(total int) v1alpha1.TaskRunStatus {
	at := v1alpha1.NewMicroTime(time.Date(2031, 2, 3, 4, 5, 6, 250_000, time.UTC))
	const count = 9007199254740991
	states := make([]v1alpha1.State, taskrun.MaxHistory+1)
	for i := range states {
		states[i] = v1alpha1.State{
			ID: uuidA, Type: "CANCELLING", Timestamp: at, Name: empty(), Message: empty(), DataJSON: empty(),
			StateDetails: weightless(),
		}
		total -= 128
	}
	current := &states[taskrun.MaxHistory]
	*current.DataJSON, *current.Message = f.take(&total, taskrun.MaxData), f.take(&total, taskrun.MaxMessage)
	s := v1alpha1.TaskRunStatus{
		ObservedGeneration: count, State: current, History: states[:taskrun.MaxHistory], HistoryDropped: count,
		RunCount: count, FlowRunRunCount: count, ExpectedStartTime: &at, NextScheduledStartTime: &at, StartTime: &at,
		EndTime: &at, ExpirationTime: &at, UpdatedTime: &at, TotalRunTimeSeconds: "-9999999999.999999999", ID: uuidA, Name: f.text(taskrun.MaxName),
		Decisions: slices.Repeat([]v1alpha1.Decision{{
			Proposal: strings.Repeat("p", 63), UID: strings.Repeat("u", 64), Verdict: v1alpha1.VerdictAccepted,
			Reason: f.text(taskrun.MaxReason), Proposer: f.text(taskrun.MaxProposer), EvaluatedTime: at, StateID: uuidA,
		}}, taskrun.MaxDecisions),
		InputTaskRunIDs: slices.Repeat([]string{uuidA}, v1alpha1.MaxNamedInputs),
		Delivery:        &v1alpha1.Delivery{Holder: f.text(256), DeliveredTime: at, Attempts: 2147483647},
	}
	for i := range 4 {
		s.Conditions = append(s.Conditions, metav1.Condition{
			Type: strings.Repeat("T", 63) + strconv.Itoa(i), Status: metav1.ConditionUnknown, ObservedGeneration: count,
			LastTransitionTime: metav1.NewTime(at.Time), Reason: strings.Repeat("R", v1alpha1.MaxConditionReason),
			Message: f.text(v1alpha1.MaxConditionMessage),
		})
	}
	return s
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// restClient uses plain JSON, so that the measured size is the stored size.
func restClient(t *testing.T, config *rest.Config) rest.Interface {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	config = rest.CopyConfig(config)
	config.GroupVersion = &v1alpha1.GroupVersion
	config.APIPath = "/apis"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	typed, err := rest.RESTClientForConfigAndClient(config, client)
	if err != nil {
		t.Fatal(err)
	}
	return typed
}
