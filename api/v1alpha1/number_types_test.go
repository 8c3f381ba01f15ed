package v1alpha1_test

import (
	"encoding/json"
	"math"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

func TestNumber_keepsItsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"0.5": 0.5, `"0.5"`: 0.5, `"0.50"`: 0.5, "2": 2, "1e3": 1000, `"1e999"`: math.MaxFloat64, `"-1e999"`: -math.MaxFloat64,
	} {
		body := `{"slots":1,"slotDecayPerSecond":` + text + `}`
		var spec v1alpha1.ConcurrencyLimitSpec
		if err := json.Unmarshal([]byte(body), &spec); err != nil {
			t.Fatal(err)
		}
		if got, ok := spec.SlotDecayPerSecond.Float(); !ok || got != want {
			t.Errorf("%s: %v, %t, want %v", text, got, ok, want)
		}
		if got, err := json.Marshal(spec); err != nil || string(got) != body {
			t.Errorf("%s: %s, error %v", body, got, err)
		}
	}
}

func TestNumber_rejectsOtherValues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"null", `"fast"`, `""`, `"NaN"`, `{}`} {
		var n v1alpha1.Number
		if err := json.Unmarshal([]byte(text), &n); err != nil {
			t.Fatal(err)
		}
		if f, ok := n.Float(); ok || f != 0 {
			t.Errorf("%s: %v, want none", text, f)
		}
	}
}

func TestNumber_floatIsReadExactly(t *testing.T) {
	t.Parallel()
	for _, want := range []float64{0, 0.1, 0.1 + 0.2, 1e21, 5e-324, math.MaxFloat64, 12345678.9} {
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1alpha1.ConcurrencyLimit{
			Spec: v1alpha1.ConcurrencyLimitSpec{SlotDecayPerSecond: v1alpha1.NumberOf(want)},
		})
		if err != nil {
			t.Fatal(err)
		}
		var back v1alpha1.ConcurrencyLimit
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &back); err != nil {
			t.Fatal(err)
		}
		if got, ok := back.Spec.SlotDecayPerSecond.Float(); !ok || got != want {
			t.Errorf("%v is read as %v", want, got)
		}
	}
}
