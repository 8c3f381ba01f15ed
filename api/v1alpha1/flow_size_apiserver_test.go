//go:build apiserver

package v1alpha1_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// TestTheLargestLegalFlowRunIsSmall fills everything there is but status.effective, as
// TestTheLargestLegalObjectIsSmall does, and then status.effective, too. parameters,
// context and jobVariables are not filled: they have no limit but that of the API server,
// and the operator does not keep long ones in memory.
func TestTheLargestLegalFlowRunIsSmall(t *testing.T) {
	for name, c := range map[string]struct {
		character string
		most      int
	}{
		"of four-byte characters":        {"😀", longestObject},
		"of characters that are escaped": {"<", longestEscapedObject},
	} {
		t.Run(name, func(t *testing.T) {
			fill := filler(c.character)
			env := testenv.Start(t)
			client := restClient(t, env.Config)
			path := "/apis/taskrun.dev/v1alpha1/namespaces/" + env.Namespace(t) + "/flowruns"
			run := v1alpha1.FlowRun{
				TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "FlowRun"},
				ObjectMeta: metav1.ObjectMeta{Name: strings.Repeat("n", 253)},
				Spec:       fill.flowSpec(flowrun.MaxText),
			}
			over := run
			over.Spec = fill.flowSpec(flowrun.MaxText + 1)
			err := client.Post().AbsPath(path).Body(encode(t, over)).Do(t.Context()).Error()
			wantRefused(t, err, "spec", "7168")
			body, err := client.Post().AbsPath(path).Body(encode(t, run)).Do(t.Context()).Raw()
			if err != nil {
				t.Fatalf("%v: %.500s", err, body)
			}
			var made v1alpha1.FlowRun
			if err := json.Unmarshal(body, &made); err != nil {
				t.Fatal(err)
			}
			path += "/" + run.Name + "/status"
			made.Status = fill.flowStatus(taskrun.MaxText)
			body, err = client.Put().AbsPath(path).Body(encode(t, made)).Do(t.Context()).Raw()
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(body, &made); err != nil {
				t.Fatal(err)
			}
			made.Status.Effective = fill.flowEffective(flowrun.MaxEdited)
			edited, err := client.Put().AbsPath(path).Body(encode(t, made)).Do(t.Context()).Raw()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("the largest object has %d bytes, spec %d and status %d of them; with status.effective, it has %d",
				len(body), len(encode(t, made.Spec)), len(encode(t, made.Status)), len(edited))
			if len(body) >= c.most {
				t.Errorf("got %d bytes, want less than %d", len(body), c.most)
			}
			if most := 6*flowrun.MaxEdited + 2048; len(edited)-len(body) > most {
				t.Errorf("status.effective adds %d bytes, want at most %d", len(edited)-len(body), most)
			}
		})
	}
}

// flowSpec has as many characters as told, by the CRD's count.
func (f filler) flowSpec(total int) v1alpha1.FlowRunSpec {
	at := v1alpha1.NewMicroTime(time.Date(2031, 2, 3, 4, 5, 6, 250_000, time.UTC))
	count, ttl := int64(9007199254740991), int32(2147483647)
	s := v1alpha1.FlowRunSpec{
		ID: uuidA, FlowName: strings.Repeat("f", 253), ParentTaskRunID: uuidA, DeploymentID: uuidB, TTLSecondsAfterFinished: &ttl,
		FlowVersion: empty(), IdempotencyKey: empty(), DeploymentVersion: empty(), WorkQueueName: empty(), InfrastructurePID: empty(),
		ParametersDataName: strings.Repeat("p", 253), ContextDataName: strings.Repeat("c", 253), JobVariablesDataName: strings.Repeat("j", 253),
		EmpiricalPolicy: &v1alpha1.FlowRunPolicy{Retries: &count, RetryDelay: &count}, AutoScheduled: true,
		Tags: make([]string, taskrun.MaxTags), Labels: map[string]v1alpha1.LabelValue{},
		CreatedBy: &v1alpha1.FlowRunCreator{ID: uuidA, Type: empty(), DisplayValue: empty()},
		Origin: &v1alpha1.FlowRunOrigin{
			CreatedTime: &at, StateID: uuidA, StateTime: &at, FlowID: uuidB, Wire: f.text(264), // do not count
		},
		InitialState: new(proposal()),
	}
	for i := range taskrun.MaxLabels {
		s.Labels[key(i)] = v1alpha1.LabelValue{Raw: []byte(`"` + f.text(v1alpha1.MaxLabelText) + `"`)}
		total -= 2 + v1alpha1.MaxLabelText
	}
	total -= 128 + 2 // what a state counts for itself, and what makes its data JSON
	s.Name = f.take(&total, flowrun.MaxName)
	*s.FlowVersion, *s.IdempotencyKey = f.take(&total, flowrun.MaxFlowVersion), f.take(&total, flowrun.MaxIdempotencyKey)
	data := f.take(&total, taskrun.MaxData-2)
	s.InitialState.DataJSON = new(`"` + data + `"`)
	return s
}

// flowStatus has as many characters as told, by the CRD's count.
func (f filler) flowStatus(total int) v1alpha1.FlowRunStatus {
	s := f.status(total)
	status := v1alpha1.FlowRunStatus{
		ObservedGeneration: s.ObservedGeneration, State: s.State, History: s.History, HistoryDropped: s.HistoryDropped, RunCount: s.RunCount,
		ExpectedStartTime: s.ExpectedStartTime, NextScheduledStartTime: s.NextScheduledStartTime, StartTime: s.StartTime, EndTime: s.EndTime,
		ExpirationTime: s.ExpirationTime, UpdatedTime: s.UpdatedTime, TotalRunTimeSeconds: s.TotalRunTimeSeconds, ID: s.ID, Name: s.Name,
		Decisions: s.Decisions, Conditions: s.Conditions, FlowID: uuidA, Resuming: true, RetryType: "in_process",
		Answers: slices.Repeat([]v1alpha1.Answer{{
			TransitionID: uuidA, Verdict: v1alpha1.VerdictAccepted, Reason: f.text(taskrun.MaxReason), StateID: uuidB,
		}}, flowrun.MaxAnswers),
	}
	for i := range flowrun.MaxPauseKeys {
		length := flowrun.MaxPauseKeysText / flowrun.MaxPauseKeys
		status.PauseKeys = append(status.PauseKeys, strconv.Itoa(i%10)+f.text(length-1))
	}
	return status
}

// flowEffective has as many characters as told, by the CRD's count.
func (f filler) flowEffective(total int) *v1alpha1.FlowRunEffective {
	const hash = "0123456789abcdef"
	count := int64(9007199254740991)
	return &v1alpha1.FlowRunEffective{
		NameReplaces: hash, TagsReplaces: hash, ParametersReplaces: hash, PolicyReplaces: hash,
		FlowVersion: new(f.take(&total, flowrun.MaxFlowVersion)), InfrastructurePID: new(f.take(&total, flowrun.MaxInfrastructurePID)),
		ParametersDataName: strings.Repeat("p", 253), JobVariablesDataName: strings.Repeat("j", 253),
		EmpiricalPolicy: &v1alpha1.FlowRunPolicy{Retries: &count, RetryDelay: &count}, Tags: make([]string, taskrun.MaxTags),
		Wire: f.take(&total, flowrun.MaxEdited), Cleared: []string{"flowVersion", "infrastructurePID", "jobVariables", "labels"},
	}
}
