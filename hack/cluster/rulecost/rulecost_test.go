// Package rulecost measures the cost of the CRD's rules at each write, with
// kube-apiserver's own code.
package rulecost

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/json"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// write is one write of an object, as kube-apiserver's validation receives it.
type write struct {
	object, old map[string]any
	// most is the maximum number of allocations of the rules, a tenth more than
	// the measured number.
	most float64
}

// writes are those of a run's life, and two more.
func writes(t testing.TB) map[string]write {
	t.Helper()
	run := map[string]any{}
	decode(t, filepath.Join("testdata", "run.yaml"), &run)
	with := func(status any) map[string]any {
		object := map[string]any{
			"apiVersion": "taskrun.dev/v1alpha1", "kind": "TaskRun", "metadata": map[string]any{"name": "add"}, "spec": run["spec"],
		}
		if status != nil {
			object["status"] = status
		}
		return object
	}
	spec, ok := run["spec"].(map[string]any)
	if !ok {
		t.Fatalf("got %v for spec, want an object", run["spec"])
	}
	renamed := with(run["running"])
	spec = maps.Clone(spec)
	spec["name"], renamed["spec"] = "subtract", spec
	return map[string]write{
		"a create":               {object: with(nil), most: 1570},
		"the first status":       {object: with(run["pending"]), old: with(nil), most: 860},
		"the second status":      {object: with(run["running"]), old: with(run["pending"]), most: 1085},
		"the third status":       {object: with(run["completed"]), old: with(run["running"]), most: 1145},
		"a status with texts":    {object: with(run["texts"]), old: with(run["completed"]), most: 1990},
		"another name for a run": {object: renamed, old: with(run["running"]), most: 10_500},
	}
}

// decode decodes YAML to the types of kube-apiserver: whole numbers are int64.
func decode(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// validator compiles the CRD's rules as kube-apiserver does.
func validator(t testing.TB) *cel.Validator {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	decode(t, filepath.Join("..", "..", "..", "config", "crd", "bases", "taskrun.dev_taskruns.yaml"), &crd)
	var internal apiextensions.JSONSchemaProps
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil)
	if err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	return cel.NewValidator(structural, true, celconfig.PerCallLimit)
}

// evaluate evaluates all rules for the write, which they must accept.
func (w write) evaluate(t testing.TB, rules *cel.Validator) {
	t.Helper()
	errs, _ := rules.Validate(t.Context(), nil, nil, w.object, w.old, celconfig.RuntimeCELCostBudget)
	if len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
}

func TestTheRulesAllocateLittle(t *testing.T) {
	rules := validator(t)
	for name, write := range writes(t) {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(20, func() { write.evaluate(t, rules) }); got > write.most {
				t.Errorf("got %v allocations, want at most %v", got, write.most)
			}
		})
	}
}

func BenchmarkRules(b *testing.B) {
	rules := validator(b)
	for name, write := range writes(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				write.evaluate(b, rules)
			}
		})
	}
}
