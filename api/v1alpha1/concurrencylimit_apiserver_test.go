//go:build apiserver

package v1alpha1_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// limitAccess reads and writes the ConcurrencyLimits of one namespace, as YAML texts.
type limitAccess struct {
	namespaceClient

	namespace string
}

func openLimits(t *testing.T) limitAccess {
	t.Helper()
	env := testenv.Start(t)
	client, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	namespace := env.Namespace(t)
	return limitAccess{namespaceClient{client.Resource(v1alpha1.GroupVersion.WithResource("concurrencylimits")).Namespace(namespace)}, namespace}
}

func (a limitAccess) create(t *testing.T, spec string) (*unstructured.Unstructured, error) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": decode(t, spec)}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ConcurrencyLimit"))
	object.SetGenerateName("limit-")
	return a.Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
}

func TestConcurrencyLimit_validSpecs(t *testing.T) {
	t.Parallel()
	limits := openLimits(t)
	for spec, want := range map[string]string{ // the stored spec, or "field: words" of the rejection
		`{slots: 3}`:                          `{"active":true,"slots":3}`,
		`{slots: 0, tag: database}`:           `{"active":true,"slots":0,"tag":"database"}`,
		`{slots: 1, tag: ""}`:                 `{"active":true,"slots":1,"tag":""}`,
		`{slots: 1, name: api calls}`:         `{"active":true,"name":"api calls","slots":1}`,
		`{slots: 1, active: false}`:           `{"active":false,"slots":1}`,
		`{slots: 1, name: x, tag: x}`:         "spec: a limit has tag or name, not both",
		`{slots: 1, name: "tag:x"}`:           "spec.name: name cannot begin with tag:",
		`{slots: 1, name: ""}`:                "spec.name: should be at least 1",
		`{tag: x}`:                            "spec.slots: Required",
		`{slots: -1}`:                         "spec.slots: should be greater than or equal to 0",
		`{slots: 1, limit: 1}`:                "spec.limit: unknown field",
		`{slots: 1, tag: ` + text(252) + `}`:  `{"active":true,"slots":1,"tag":"` + text(252) + `"}`,
		`{slots: 1, tag: ` + text(253) + `}`:  "spec.tag: may not be more than 252",
		`{slots: 1, name: ` + text(257) + `}`: "spec.name: may not be more than 256",

		`{slots: 1, slotDecayPerSecond: 0.5}`:                               `{"active":true,"slotDecayPerSecond":0.5,"slots":1}`,
		`{slots: 1, slotDecayPerSecond: "0.5"}`:                             `{"active":true,"slotDecayPerSecond":"0.5","slots":1}`,
		`{slots: 1, slotDecayPerSecond: 2}`:                                 `{"active":true,"slotDecayPerSecond":2,"slots":1}`,
		`{slots: 1, slotDecayPerSecond: 0}`:                                 `{"active":true,"slotDecayPerSecond":0,"slots":1}`,
		`{slots: 1, slotDecayPerSecond: "1e-3"}`:                            `{"active":true,"slotDecayPerSecond":"1e-3","slots":1}`,
		`{slots: 1, slotDecayPerSecond: -0.5}`:                              "spec.slotDecayPerSecond: should be greater than or equal to 0",
		`{slots: 1, slotDecayPerSecond: "-1"}`:                              "spec.slotDecayPerSecond: should match",
		`{slots: 1, slotDecayPerSecond: fast}`:                              "spec.slotDecayPerSecond: should match",
		`{slots: 1, slotDecayPerSecond: ""}`:                                "spec.slotDecayPerSecond: should match",
		`{slots: 1, slotDecayPerSecond: true}`:                              "spec.slotDecayPerSecond: must not validate the schema",
		`{slots: 1, slotDecayPerSecond: [1]}`:                               "spec.slotDecayPerSecond: must have at most 0 items",
		`{slots: 1, slotDecayPerSecond: []}`:                                "spec.slotDecayPerSecond: should have at least 1 items",
		`{slots: 1, slotDecayPerSecond: {a: 1}}`:                            "spec.slotDecayPerSecond: must have at most 0",
		`{slots: 1, slotDecayPerSecond: {}}`:                                "spec.slotDecayPerSecond: should have at least 1 properties",
		`{slots: 1, slotDecayPerSecond: "` + strings.Repeat("1", 33) + `"}`: "spec.slotDecayPerSecond: may not be more than 32",
	} {
		object, err := limits.create(t, spec)
		if err != nil {
			got := strings.ReplaceAll(err.Error(), "\n", " ")
			field, words, isRejection := strings.Cut(want, ": ")
			if !isRejection || !strings.Contains(got, field) || !strings.Contains(got, words) {
				t.Errorf("%s: %v, want %s", spec, err, want)
			}
			continue
		}
		if got, _ := json.Marshal(object.Object["spec"]); string(got) != want {
			t.Errorf("%s: stored as %s, want %s", spec, got, want)
		}
	}
}

func TestConcurrencyLimit_originIsImmutable(t *testing.T) {
	t.Parallel()
	limits := openLimits(t)
	const at, message = `"2031-02-03T04:05:06.000000Z"`, "origin is immutable"
	for name, c := range map[string]struct{ spec, patch, want string }{
		"another time":            {`{slots: 1, origin: {createdTime: ` + at + `}}`, `{spec: {origin: {createdTime: "2031-02-03T04:05:07.000000Z"}}}`, message},
		"removed":                 {`{slots: 1, origin: {createdTime: ` + at + `}}`, `{spec: {origin: null}}`, message},
		"added":                   {`{slots: 1}`, `{spec: {origin: {createdTime: ` + at + `}}}`, message},
		"other fields may change": {`{slots: 1, tag: a, origin: {createdTime: ` + at + `}}`, `{spec: {slots: 2, tag: null, name: b, slotDecayPerSecond: 0.25, active: false}}`, ""},
		"without an origin":       {`{slots: 1}`, `{spec: {slots: 2, tag: b}}`, ""},
		"both tag and name":       {`{slots: 1, tag: a}`, `{spec: {name: b}}`, "a limit has tag or name"},
	} {
		object, err := limits.create(t, c.spec)
		if err != nil {
			t.Fatal(err)
		}
		_, err = limits.patch(t, object.GetName(), c.patch)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestConcurrencyLimit_isShownByKubectl(t *testing.T) {
	t.Parallel()
	limits := openLimits(t)
	kubeconfig := testenv.Start(t).Kubeconfig(t)
	tagged, err := limits.create(t, `{slots: 3, tag: database, slotDecayPerSecond: 0.5}`)
	if err != nil {
		t.Fatal(err)
	}
	named, err := limits.create(t, `{slots: 5, name: calls, active: false}`)
	if err != nil {
		t.Fatal(err)
	}
	const condition = `, lastTransitionTime: "2031-02-03T04:05:06Z", message: why}`
	status := `{status: {activeSlots: 2, deniedSlots: 7, conditions: [{type: Ready, status: "False", reason: DuplicateName` + condition +
		`, {type: Stalled, status: "True", reason: DuplicateName` + condition + `]}}`
	if _, err := limits.patch(t, tagged.GetName(), status, "status"); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string][]string{
		"get trlimit": {
			"NAME TAG LIMIT NAME SLOTS TAKEN ACTIVE READY AGE", tagged.GetName() + " database 3 2 true False ", named.GetName() + " calls 5 false ",
		},
		"get trlimit -o wide":                                      {"AGE DECAY DENIED MESSAGE", " 0.5 7 why"},
		"get trlimit --field-selector spec.tag=x":                  {"No resources found"},
		"get trlimit -o name --field-selector spec.tag=database":   {tagged.GetName()},
		"get trlimit -o name --field-selector spec.name=calls":     {named.GetName()},
		"get prefect -o name":                                      {tagged.GetName(), named.GetName()},
		"wait --for=condition=Stalled trlimit/" + tagged.GetName(): {"condition met"},
		"explain trlimit.spec.slotDecayPerSecond":                  {"as a number or a text"},
	} {
		args := append(strings.Fields(what), "--kubeconfig", kubeconfig, "--namespace", limits.namespace)
		output, err := kubectl(t, args...)
		if err != nil {
			t.Errorf("kubectl %s: %v: %s", what, err, output)
			continue
		}
		for _, part := range want {
			if !strings.Contains(strings.Join(strings.Fields(output), " "), part) {
				t.Errorf("kubectl %s: got %s, want it to have %q", what, output, part)
			}
		}
	}
}

func TestConcurrencyLimit_everyFieldIsExplainedAndLimited(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile(inRepository(t, "config", "crd", "bases", "taskrun.dev_concurrencylimits.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(body, &crd); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"spec", "status"} {
		property := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties[name]
		explained(t, name, property)
		checkBounded(t, name, property)
	}
}
