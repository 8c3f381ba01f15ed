//go:build apiserver

package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// minAccepted is the minimum number of unusual values that the API server accepts,
// so that the test fails if it no longer reaches the API server.
const minAccepted = 200

type fieldSchema = apiextensionsv1.JSONSchemaProps

// leaf is a scalar field, with a function that returns an object with a value in
// it.
type leaf struct {
	path   string
	schema *fieldSchema
	with   func(value any) any
}

// TestUnusualValues_acceptedOnesCanBeDecoded sends unusual values for every field
// of all kinds, spec and status. The seed is in the log; ODD_VALUES_SEED repeats a
// run.
func TestUnusualValues_acceptedOnesCanBeDecoded(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("ODD_VALUES_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("ODD_VALUES_SEED=%d", seed)
	s := newSender(t, env.Config, env.Namespace(t))
	s.takesFractions = env.Minor(t) < 36
	work := make(chan func(), 64)
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for send := range work {
				send()
			}
		})
	}
	for resource := range kindsOf {
		root := readSchema(t, resource)
		for _, half := range []string{"spec", "status"} {
			part := root.Properties[half]
			for _, l := range leavesOf(half, &part, func(value any) any { return value }) {
				random := rand.New(rand.NewPCG(seed, uint64(len(l.path))))
				for _, value := range someOf(oddValues(l.schema, random), random) {
					work <- func() { s.send(t, resource, half, l, value) }
				}
			}
		}
	}
	close(work)
	senders.Wait()
	t.Logf("%d values sent, %d accepted", s.sent.Load(), s.accepted.Load())
	if s.accepted.Load() < minAccepted {
		t.Errorf("only %d values were accepted: too few for a test", s.accepted.Load())
	}
}

// valuesPerField is the maximum number of values for each field, in addition to
// those that have caused an error before. Fields of one type share a schema, so
// together they get all values.
const valuesPerField = 16

func someOf(values []any, random *rand.Rand) []any {
	random.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	known := []any{[]any{}, "2026-01-01t00:00:00z", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00x5Z"}
	return append(known, values[:min(valuesPerField, len(values))]...)
}

// sender sends objects with dry-run, so that the API server does not store them.
type sender struct {
	client         rest.Interface
	codecs         serializer.CodecFactory
	namespace      string
	sent, accepted atomic.Int64

	takesFractions bool // the API server is of a release that accepts some fractions as integers
}

// hasFraction reports whether a value is a number other than an integer.
func hasFraction(value any) bool {
	raw, ok := value.(json.RawMessage)
	if !ok {
		return false
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && n != math.Trunc(n)
}

func newSender(t *testing.T, config *rest.Config, namespace string) *sender {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	metav1.AddToGroupVersion(scheme, metav1.Unversioned)
	s := &sender{codecs: serializer.NewCodecFactory(scheme), namespace: namespace}
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath = &v1alpha1.GroupVersion, "/apis"
	config.NegotiatedSerializer = s.codecs.WithoutConversion()
	var err error
	if s.client, err = rest.RESTClientFor(config); err != nil {
		t.Fatal(err)
	}
	for resource := range minimal {
		body, err := json.Marshal(objectWith(resource, "spec", nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.client.Post().Namespace(namespace).Resource(resource).Body(body).Do(t.Context()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// minimal holds the smallest valid specs.
var minimal = map[string]map[string]any{
	"taskruns":          {"taskKey": "k"},
	"concurrencylimits": {"slots": 1},
	"stateproposals": {
		"targetRef": map[string]any{"kind": v1alpha1.KindTaskRun, "name": "odd"}, "state": map[string]any{"type": "CANCELLED"},
	},
	"flowruns":        {"flowName": "etl"},
	"registeredflows": {"name": "odd"},
}

var kindsOf = map[string]string{
	"taskruns": v1alpha1.KindTaskRun, "concurrencylimits": v1alpha1.KindConcurrencyLimit, "stateproposals": v1alpha1.KindStateProposal,
	"flowruns": v1alpha1.KindFlowRun, "registeredflows": v1alpha1.KindRegisteredFlow,
}

// objectWith returns an object with a spec or a status.
func objectWith(resource, half string, value any) map[string]any {
	object := map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": kindsOf[resource], "metadata": map[string]any{"name": "odd"},
	}
	spec := maps.Clone(minimal[resource])
	if given, ok := value.(map[string]any); ok && half == "spec" {
		maps.Copy(spec, given)
	}
	object["spec"] = spec
	if half == "status" {
		object["status"] = value
	}
	return object
}

func (s *sender) send(t *testing.T, resource, half string, l leaf, value any) {
	t.Helper()
	s.sent.Add(1)
	object := objectWith(resource, half, l.with(value))
	request := s.client.Post()
	switch half {
	case "spec":
		object["metadata"] = map[string]any{"generateName": "odd-"}
	default: // a status is written to an existing object
		request = s.client.Patch(types.MergePatchType).Name("odd").SubResource("status")
		object = map[string]any{"status": object["status"]}
	}
	body, err := json.Marshal(object)
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := request.Namespace(s.namespace).Resource(resource).Param("dryRun", metav1.DryRunAll).
		SetHeader("Content-Type", contentType(half)).Body(body).DoRaw(t.Context())
	if err != nil {
		return // rejected
	}
	s.accepted.Add(1)
	if _, _, err := withoutFractions(kindsOf[resource], answer); err != nil {
		t.Errorf("%s: the API server takes %s, the program does not: %v", l.path, short(value), err)
	}
	if s.takesFractions && l.schema.Type == "integer" && hasFraction(value) {
		return
	}
	if _, _, err := s.codecs.UniversalDeserializer().Decode(answer, nil, nil); err != nil {
		t.Errorf("%s: the API server takes %s, clients do not: %v", l.path, short(value), err)
	}
}

func contentType(half string) string {
	if half == "spec" {
		return runtime.ContentTypeJSON
	}
	return string(types.MergePatchType)
}

func short(value any) string {
	text := fmt.Sprintf("%#v", value)
	if len(text) > 80 {
		text = text[:80] + "..."
	}
	return text
}

func readSchema(t *testing.T, name string) *fieldSchema {
	t.Helper()
	text, err := os.ReadFile("../../../config/crd/bases/taskrun.dev_" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// leavesOf returns the scalars below a schema, and the objects and lists
// themselves, which can also have values of other types.
func leavesOf(path string, s *fieldSchema, with func(any) any) []leaf {
	all := []leaf{{path: path, schema: s, with: with}}
	switch {
	case s.Items != nil:
		all = append(all, leavesOf(path+"[]", s.Items.Schema, func(value any) any { return with([]any{value}) })...)
	case s.AdditionalProperties != nil:
		inner := func(value any) any { return with(map[string]any{"a": value}) }
		all = append(all, leavesOf(path+".*", s.AdditionalProperties.Schema, inner)...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		inner := func(value any) any {
			object, _ := sample(s).(map[string]any)
			object[name] = value
			return with(object)
		}
		all = append(all, leavesOf(path+"."+name, &property, inner)...)
	}
	return all
}

// sample returns a valid value. For an object, it has the required fields.
func sample(s *fieldSchema) any {
	switch {
	case len(s.Enum) > 0:
		return json.RawMessage(s.Enum[0].Raw)
	case s.Type == "object":
		object := map[string]any{}
		for _, name := range s.Required {
			property := s.Properties[name]
			object[name] = sample(&property)
		}
		if _, isInput := s.Properties["inputType"]; isInput {
			object["inputType"], object["id"] = "task_run", sampleID
		}
		return object
	case s.Type == "array":
		return []any{}
	case s.Type == "integer":
		return 1
	case s.Type == "boolean":
		return true
	case s.Format == "date-time":
		return "2026-01-01T00:00:00Z"
	case strings.HasPrefix(s.Pattern, "^[0-9a-f]{8}-"):
		return sampleID
	case strings.Contains(s.Pattern, "[0-9]+") && !strings.Contains(s.Pattern, "A-Z"):
		return "1"
	default:
		return "X"
	}
}

const sampleID = "0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4"

// oddValues returns values for one field: first those of its type, then those of
// other types.
func oddValues(s *fieldSchema, random *rand.Rand) []any {
	values := []any{
		nil, "", "x", 0, 1, -1, 1.5, true, []any{}, map[string]any{}, []any{nil}, map[string]any{"a": nil}, json.RawMessage("1e400"),
	}
	switch s.Type {
	case "integer", "number":
		values = append(values, oddNumbers(random)...)
	case "string", "":
		values = append(values, oddTexts(random)...)
		if s.Format == "date-time" {
			values = append(values, oddTimes(random)...)
		}
		if s.Type == "" {
			values = append(values, oddNumbers(random)...)
		}
	}
	return values
}

func oddNumbers(random *rand.Rand) []any {
	values := []any{json.RawMessage("1.0"), json.RawMessage("1e2"), json.RawMessage("-0"), json.RawMessage("-0.0"), json.RawMessage("1E+1")}
	for _, edge := range []string{
		"127", "32767", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740991", "9007199254740992",
		"-9007199254740992", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"1e9", "1e10", "1e18", "1e19", "1e21", "1e30", "1e308", "1e-5", "0.1", "2147483647.0", "3e9", "99999999999999999999999999",
	} {
		values = append(values, json.RawMessage(edge))
	}
	for range 8 {
		values = append(values, json.RawMessage(strconv.FormatUint(random.Uint64()>>random.IntN(60), 10)))
		values = append(values, json.RawMessage(strconv.FormatFloat(random.NormFloat64()*1e9, 'g', -1, 64)))
	}
	return values
}

func oddTexts(random *rand.Rand) []any {
	values := []any{
		" ", "\x00", "\n", "null", "NaN", "Inf", "-Inf", "Infinity", "1e999", "-1", "+1", "1_000", "0x1p4", "1.", ".5", "1e5", "9e307", "00", "0.0",
		"5s", "1h2m3s", "-5s", "-1h", "5", "1d", "1w", "5 s", "1.5h", "1e3s", "999999h99m999.999999999s", "1.5.5s", "5µs", "5μs", "5us", "5ns", "0s", "0", "-0s", "1ms1ms", "h", "-s",
		"100m", "1Gi", "1Ki", "True", "FALSE", "\u202e", "ａ", "é", "\u0130", "\U0001f600", "\ufeff", "\uffff", "\ud7ff", "%s", "{}", "[]", `"`, `"x"`, "\\", "1 2", "\"\\ud800\"",
		sampleID, strings.ToUpper(sampleID), "{" + sampleID + "}", "a/b", "A", "a b", "X", strings.Repeat("a", 33), strings.Repeat("1", 32), strings.Repeat("9", 31) + "e", strings.Repeat("é", 64),
		strings.Repeat("x", 5000), strings.Repeat("\U0001f600", 100),
	}
	const letters = "0123456789-+.:eEtTzZ hmsuµn\"\\/,_éA\x7f"
	runes := []rune(letters)
	for range 10 {
		text := make([]rune, 1+random.IntN(12))
		for i := range text {
			text[i] = runes[random.IntN(len(runes))]
		}
		values = append(values, string(text))
	}
	return values
}

// oddTimes returns times that parsers treat differently: a valid one with parts
// replaced.
func oddTimes(random *rand.Rand) []any {
	days := []string{"2026-01-01", "0000-01-01", "0001-01-01", "9999-12-31", "2026-02-29", "2024-02-29", "2026-02-30", "2026-13-01", "2026-00-10", "2026-1-1", "20260101", "12026-01-01", "-001-01-01", "2026-06-31"}
	between := []string{"T", "t", " ", "", "_"}
	clocks := []string{"00:00:00", "23:59:59", "23:59:60", "24:00:00", "25:00:00", "12:60:00", "12:00:61", "1:2:3", "12:00", "120000"}
	parts := []string{"", ".5", ".000000", ".123456789", ".1234567890", ".", ",5", "x5", " 5", ":5"}
	zones := []string{"Z", "z", "", "+00:00", "-00:00", "+99:99", "+24:00", "+23:59", "-23:60", "+0100", "+01", "UTC", "+14:00", "[Z]", "Z "}
	values := []any{"2026-01-01t00:00:00z", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00x5Z"}
	lists := [][]string{days, between, clocks, parts, zones}
	good := []string{"2026-01-01", "T", "00:00:00", "", "Z"}
	for i, list := range lists { // each part alone
		for _, other := range list {
			text := slices.Clone(good)
			text[i] = other
			values = append(values, strings.Join(text, ""))
		}
	}
	for range 20 { // several parts
		text := make([]string, len(lists))
		for i, list := range lists {
			text[i] = list[random.IntN(len(list))]
		}
		values = append(values, strings.Join(text, ""))
	}
	return values
}
