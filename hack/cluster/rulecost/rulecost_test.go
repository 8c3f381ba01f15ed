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

// kinds are those of runs: the file with a run, and the most allocations of each write.
var kinds = map[string]struct {
	plural, file string
	most         map[string]float64
}{
	"TaskRun": {"taskruns", "run.yaml", map[string]float64{
		"a create": 1570, "the first status": 860, "the second status": 1085, "the third status": 1145, "a status with texts": 1990,
		"another name for a run": 10_500,
	}},
	"FlowRun": {"flowruns", "flow_run.yaml", map[string]float64{
		"a create": 2640, "the first status": 1040, "the second status": 1380, "the third status": 1440, "a status with texts": 2285,
		"another name for a run": 15_800,
	}},
}

// writes are those of a run's life, and two more.
func writes(t testing.TB, kind string) map[string]write {
	t.Helper()
	run := map[string]any{}
	decode(t, filepath.Join("testdata", kinds[kind].file), &run)
	with := func(status any) map[string]any {
		object := map[string]any{
			"apiVersion": "taskrun.dev/v1alpha1", "kind": kind, "metadata": map[string]any{"name": "add"}, "spec": run["spec"],
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
	all := map[string]write{
		"a create":               {object: with(nil)},
		"the first status":       {object: with(run["pending"]), old: with(nil)},
		"the second status":      {object: with(run["running"]), old: with(run["pending"])},
		"the third status":       {object: with(run["completed"]), old: with(run["running"])},
		"a status with texts":    {object: with(run["texts"]), old: with(run["completed"])},
		"another name for a run": {object: renamed, old: with(run["running"])},
	}
	for name, w := range all {
		w.most = kinds[kind].most[name]
		all[name] = w
	}
	return all
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
func validator(t testing.TB, kind string) *cel.Validator {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	decode(t, filepath.Join("..", "..", "..", "config", "crd", "bases", "taskrun.dev_"+kinds[kind].plural+".yaml"), &crd)
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
	for kind := range kinds {
		rules := validator(t, kind)
		for name, write := range writes(t, kind) {
			t.Run(kind+": "+name, func(t *testing.T) {
				if got := testing.AllocsPerRun(20, func() { write.evaluate(t, rules) }); got > write.most {
					t.Errorf("got %v allocations, want at most %v", got, write.most)
				}
			})
		}
	}
}

func BenchmarkRules(b *testing.B) {
	for kind := range kinds {
		rules := validator(b, kind)
		for name, write := range writes(b, kind) {
			b.Run(kind+": "+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					write.evaluate(b, rules)
				}
			})
		}
	}
}
