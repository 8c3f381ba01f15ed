package v1alpha1_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

func TestMicroTime_acceptsManyFormatsAndWritesOne(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2031-02-03T04:05:06Z":           "2031-02-03T04:05:06.000000Z",
		"2031-02-03T04:05:06.25Z":        "2031-02-03T04:05:06.250000Z",
		"2031-02-03T04:05:06.123456789Z": "2031-02-03T04:05:06.123456Z",
		"2031-02-03T04:05:06+02:00":      "2031-02-03T02:05:06.000000Z",
		"9999-12-31T23:59:59.999999Z":    "9999-12-31T23:59:59.999999Z",
	} {
		var at v1alpha1.MicroTime
		if err := json.Unmarshal([]byte(`"`+text+`"`), &at); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := json.Marshal(at)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if string(got) != `"`+want+`"` {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestMicroTime_rejectsOtherTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"tomorrow"`, `"2031-02-03"`, `1`, `""`, `{}`} {
		var at v1alpha1.MicroTime
		if err := json.Unmarshal([]byte(text), &at); err == nil {
			t.Errorf("%s: got %v, want an error", text, at)
		}
	}
}

func TestMicroTime_zeroIsNull(t *testing.T) {
	t.Parallel()
	at := v1alpha1.NewMicroTime(time.Now())
	if err := json.Unmarshal([]byte("null"), &at); err != nil || !at.IsZero() {
		t.Errorf("got %v and error %v, want no time", at, err)
	}
	if got, err := json.Marshal(at); err != nil || string(got) != "null" {
		t.Errorf("got %s and error %v, want null", got, err)
	}
	var none *v1alpha1.MicroTime
	if !none.IsZero() || none.DeepCopy() != nil {
		t.Error("no MicroTime is to be zero, and its copy none")
	}
}

// Values that differ for a client differ in the object.
func TestOptionalFields_emptyIsNotMissing(t *testing.T) {
	t.Parallel()
	empty, no := "", false
	for name, spec := range map[string]v1alpha1.TaskRunSpec{
		"nothing": {TaskKey: &empty},
		"empty texts": {
			TaskKey: &empty, DynamicKey: &empty, CacheKey: &empty, TaskVersion: &empty,
			InitialState: &v1alpha1.ProposedState{Name: &empty, Message: &empty, DataJSON: &empty},
		},
		"empty lists and maps": {
			TaskKey: &empty, Labels: map[string]v1alpha1.LabelValue{}, EmpiricalPolicy: &v1alpha1.EmpiricalPolicy{RetryDelay: []v1alpha1.Number{}},
			InitialState: &v1alpha1.ProposedState{
				StateDetails: &v1alpha1.StateDetails{RunInputKeyset: map[string]string{}, Deferred: &no},
			},
		},
		"scalars of every kind": {
			TaskKey: &empty,
			EmpiricalPolicy: &v1alpha1.EmpiricalPolicy{
				RetryDelay: []v1alpha1.Number{{Raw: "3"}, {Raw: `"5.0"`}}, RetryJitterFactor: &v1alpha1.Number{Raw: "0.25"},
			},
			Labels: map[string]v1alpha1.LabelValue{"a": {Raw: []byte(`"x"`)}, "b": {Raw: []byte("3")}, "c": {Raw: []byte("true")}, "d": {Raw: []byte("0.25")}},
		},
	} {
		run := v1alpha1.TaskRun{Spec: spec}
		body, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		var back v1alpha1.TaskRun
		if err := json.Unmarshal(body, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(run, back); diff != "" {
			t.Errorf("%s, through JSON (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(run, *run.DeepCopy()); diff != "" {
			t.Errorf("%s, copied (-want +got):\n%s", name, diff)
		}
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&run)
		if err != nil {
			t.Fatal(err)
		}
		back = v1alpha1.TaskRun{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(run, back); diff != "" {
			t.Errorf("%s, through an unstructured object (-want +got):\n%s", name, diff)
		}
	}
}

func TestTaskRun_smallestRunIsStoredSmall(t *testing.T) {
	t.Parallel()
	key := "k"
	body, err := json.Marshal(v1alpha1.TaskRun{Spec: v1alpha1.TaskRunSpec{TaskKey: &key}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(body), `{"metadata":{},"spec":{"taskKey":"k"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestID_isThatOfTheSpecOrTheUIDOfTheObject(t *testing.T) {
	t.Parallel()
	run := v1alpha1.TaskRun{}
	run.UID = "of-the-object"
	if got := run.UUID(); got != "of-the-object" {
		t.Errorf("got %s, want the object's", got)
	}
	run.Spec.ID = "of-the-spec"
	if got := run.UUID(); got != "of-the-spec" {
		t.Errorf("got %s, want the spec's", got)
	}
}
