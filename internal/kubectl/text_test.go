package kubectl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery/registry"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// forged is the start of a line that a value adds.
const forged = "FORGED"

// hostile has a character of each kind that must not reach a terminal. Its line breaks
// are followed by a line that looks like one of the plugin's.
const hostile = "a\x1b]0;t\x07\x1b[2J\x00\x08\x7f\u0085" + forged + "\u009b31m\u061c\u200e\u202e\u2066\u2069\u2028" + forged +
	"\u2029\ufeff\U000e0041\n" + forged + "\r" + forged + "\r\n" + forged + "\v\f" + forged + "\tz"

// notShown are the fields of metadata that affect the client of the tests, and that no
// command shows.
var notShown = []string{"ManagedFields", "DeletionTimestamp", "OwnerReferences", "Finalizers"}

// fill sets every text in the value, keys of maps included, and gives every list, map
// and pointer one element.
func fill(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // the other kinds hold no text
	case reflect.String:
		v.SetString(hostile)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, element := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(element)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, element)
	case reflect.Struct:
		fillStruct(v)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	}
}

func fillStruct(v reflect.Value) {
	switch v.Interface().(type) {
	case metav1.Time, metav1.MicroTime, v1alpha1.MicroTime:
		v.FieldByName("Time").Set(reflect.ValueOf(noon.Add(-time.Hour)))
		return
	case v1alpha1.LabelValue:
		text, _ := json.Marshal(hostile)
		v.FieldByName("Raw").SetBytes(text)
		return
	case v1alpha1.Number:
		text, _ := json.Marshal(hostile)
		v.FieldByName("Raw").SetString(string(text))
		return
	case metav1.TypeMeta, metav1.Duration:
		return // never shown
	}
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() && !slices.Contains(notShown, field.Name) {
			fill(v.Field(i))
		}
	}
}

// hostileObjects returns one object of each kind that the plugin reads. The run is in a
// state of this type; the proposal has this verdict.
func hostileObjects(stateType, verdict string, delivered bool) []client.Object {
	run, proposal, limit := &v1alpha1.TaskRun{}, &v1alpha1.StateProposal{}, &v1alpha1.ConcurrencyLimit{}
	lease, event := &coordinationv1.Lease{}, &eventsv1.Event{}
	objects := []client.Object{run, proposal, limit, lease, event}
	for _, object := range objects {
		fill(reflect.ValueOf(object).Elem())
		object.SetNamespace("default")
		object.SetResourceVersion("")
		object.SetUID("uid")
	}
	run.Annotations[v1alpha1.AnnotationCreatedBy] = hostile
	run.Status.State.Type = stateType
	for i := range run.Status.History {
		run.Status.History[i].Type = string(orchestration.Scheduled)
	}
	if !delivered {
		run.Status.Delivery = nil
	}
	proposal.Spec.TargetRef.Kind, proposal.Spec.TargetRef.Name = v1alpha1.KindTaskRun, run.Name
	proposal.Status.Verdict = verdict
	limit.Spec.Active, limit.Status.ActiveSlots, limit.Status.Conditions = new(true), new(int32(1)), nil
	workers, _ := json.Marshal([]map[string]any{{"namespace": "default", "id": hostile, "taskKeys": []string{hostile}}})
	lease.Labels[registry.LabelServes] = "default"
	lease.Annotations["taskrun.dev/workers"] = string(workers)
	return objects
}

// hostileCase is a case of the data that the plugin reads.
type hostileCase struct {
	stateType, verdict string
	delivered          bool
	fails              client.ObjectList // nil: all reads succeed
}

func hostileCases() []hostileCase {
	var cases []hostileCase
	for i, stateType := range append(stateTypes(), hostile) {
		cases = append(cases, hostileCase{stateType: stateType, verdict: "Rejected", delivered: i%2 == 0})
	}
	for _, verdict := range []string{"", v1alpha1.VerdictWaiting, hostile} {
		cases = append(cases, hostileCase{stateType: "SCHEDULED", verdict: verdict, delivered: true})
	}
	for _, fails := range []client.ObjectList{
		&v1alpha1.TaskRunList{}, &v1alpha1.ConcurrencyLimitList{}, &v1alpha1.StateProposalList{}, &coordinationv1.LeaseList{}, &eventsv1.EventList{},
	} {
		cases = append(cases, hostileCase{stateType: "PENDING", verdict: "Rejected", delivered: true, fails: fails})
	}
	return cases
}

// runHostile runs the plugin on these objects like main. Each write, and each read of
// the kind that fails, returns an error with a hostile text.
func runHostile(t *testing.T, objects []client.Object, fails client.ObjectList, args []string) (output string, code int) {
	t.Helper()
	functions := interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if reflect.TypeOf(list) == reflect.TypeOf(fails) {
				return apierrors.NewBadRequest(hostile)
			}
			return listsAll(ctx, c, list, options...)
		},
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return apierrors.NewInternalError(errors.New(hostile))
		},
	}
	c := fake.NewClientBuilder().WithScheme(scheme()).WithObjects(objects...).WithInterceptorFuncs(functions).Build()
	var both bytes.Buffer
	code = Run(t.Context(), Options{
		Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &both, ErrOut: &both},
		Clock:   testingclock.NewFakePassiveClock(noon), Zone: time.UTC,
		Connect: func() (Cluster, error) { return Cluster{Client: c, Namespace: "default"}, nil },
	}, args)
	return both.String(), code
}

// safe fails the test if a text could move the cursor or start a line.
func safe(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), forged) {
			t.Errorf("%s: a value has added the line %q", what, line)
		}
		line = strings.TrimSuffix(line, "\n")
		if unsafe := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' }); unsafe >= 0 {
			t.Errorf("%s: %q in %q", what, line[unsafe:unsafe+1], line)
		}
	}
}

func TestTextWriter_escapesAllText(t *testing.T) {
	t.Parallel()
	commands := map[string][]string{
		"list":             {"list"},
		"list wide":        {"list", "-A", "-o", "wide"},
		"list no headers":  {"list", "--no-headers"},
		"list names":       {"list", "-o", "name"},
		"nothing found":    {"list", "--task", hostile + "x", "-n", hostile},
		"describe":         {"describe", "--task", hostile},
		"describe by name": {"describe", hostile},
		"describe name":    {"describe", hostile, "-o", "name"},
		"describe missing": {"describe", hostile + "x"},
		"queue":            {"queue", "-o", "wide", "-A"},
		"queue by run":     {"queue", "--runs", "-o", "wide"},
		"cancel":           {"cancel", hostile},
		"cancel all":       {"cancel", "-A", "--task", hostile},
		"cancel dry run":   {"cancel", hostile, "--dry-run"},
		"retry":            {"retry", hostile},
		"retry dry run":    {"retry", hostile, "--dry-run"},
		"completion":       {"__complete", "describe", ""},
		"cancel completed": {"__complete", "cancel", ""},
		"odd command":      {hostile},
		"odd format":       {"list", "-o", hostile},
		"odd order":        {"list", "--sort-by", hostile},
		"odd selector":     {"list", "-l", hostile},
		"odd flag":         {"list", "--" + hostile},
		"odd limit":        {"list", "--limit", hostile},
	}
	endsWell := []string{"list", "list wide", "describe", "describe by name", "queue", "queue by run", "completion"}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			escaped := false
			for _, tc := range hostileCases() {
				out, code := runHostile(t, hostileObjects(tc.stateType, tc.verdict, tc.delivered), tc.fails, args)
				safe(t, fmt.Sprintf("%q, %q, %T fails", tc.stateType, tc.verdict, tc.fails), out)
				if tc.fails == nil && slices.Contains(endsWell, name) && code != 0 {
					t.Errorf("exit code %d: %s", code, out)
				}
				escaped = escaped || strings.Contains(out, `\x1b`)
			}
			if !escaped {
				t.Error("no hostile text was to be printed: the test is of no use")
			}
		})
	}
}

// Texts in data are not changed: the encoder of JSON writes them, and nothing else
// escapes them.
func TestTextWriter_doesNotEscapeData(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"list", "-o", "json"}, {"describe", "-o", "json", hostile}, {"queue", "-o", "json", "--runs"}} {
		out, _ := runHostile(t, hostileObjects("PENDING", "Rejected", true), nil, args)
		var data any
		if err := json.Unmarshal([]byte(out), &data); err != nil {
			t.Fatalf("%q: %v in %q", args, err, out)
		}
		text, _ := json.Marshal(data)
		if wanted, _ := json.Marshal(hostile); !bytes.Contains(text, wanted) {
			t.Errorf("%q: the text has changed: %s", args, text)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"plain text, äöü 日本語 \u3000 👩 a\\b": "plain text, äöü 日本語 \u3000 👩 a\\b",
		"one\ntwo\r\n\tthree":               `one\ntwo\r\n\tthree`,
		"\x1b[31m\x00\x7f\u009b":            `\x1b[31m\x00\x7f\u009b`,
		"\u202eabc\u2069\u200f\u061c":       `\u202eabc\u2069\u200f\u061c`,
		"\u2028\ufeff\U000e0041":            `\u2028\ufeff\U000e0041`,
		"bytes \x9b31m\xff":                 `bytes \x9b31m\xff`,
	}
	for text, wanted := range cases {
		if got := printable(text); got != wanted || printable(got) != got {
			t.Errorf("printable(%q) = %q, want %q, and the same again", text, got, wanted)
		}
	}
}

func TestWarnings_areWrittenOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := &warnings{to: &textWriter{raw: &out}}
	w.HandleWarningHeader(299, "-", hostile)
	w.HandleWarningHeader(299, "-", hostile)
	w.HandleWarningHeader(299, "-", "")
	w.HandleWarningHeader(199, "-", "another")
	safe(t, "warning", out.String())
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "Warning: a\\x1b") {
		t.Errorf("printed %q", got)
	}
}
