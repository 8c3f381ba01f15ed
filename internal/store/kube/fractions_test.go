package kube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

func TestWithoutFractions_removesTinyFractions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text  string
		want  string // empty: unchanged
		fails bool
	}{
		"no fraction":               {text: `{"status":{"runCount":3}}`},
		"one":                       {text: `{"status":{"runCount":543032858.6}}`, want: `{"status":{"runCount":543032858}}`},
		"two fractions, and spaces": {text: `{"status":{"runCount": 3.0000000001 ,"observedGeneration":7.00000000001 } }`, want: `{"status":{"runCount": 3 ,"observedGeneration":7 } }`},
		"negative":                  {text: `{"status":{"runCount":-5.00000000001}}`, want: `{"status":{"runCount":-5}}`},
		"outside of numbers":        {text: `{"spec":{"labels":{"a":2.5}}}`},
		"an exponent":               {text: `{"status":{"runCount":1.5e1}}`, fails: true},
		"too large":                 {text: `{"status":{"runCount":99999999999999999999}}`, fails: true},
		"another type":              {text: `{"status":{"runCount":"1.5"}}`, fails: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, object, err := withoutFractions(v1alpha1.KindTaskRun, []byte(tt.text))
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			want := tt.want
			if want == "" {
				want = tt.text
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if _, isRun := object.(*v1alpha1.TaskRun); isRun == tt.fails {
				t.Errorf("object %v", object)
			}
		})
	}
}

// Lists and watches accept the same numbers: a run with such a number is not
// skipped.
func TestListAndWatch_acceptIntegersWithFractions(t *testing.T) {
	t.Parallel()
	object := strings.Replace(textOf(t, "a", 5, true), `"status":{`, `"status":{"runCount":543032858.6,`, 1)
	for name, read := range map[string]func(t *testing.T, ingest *Ingest){
		"list": func(t *testing.T, ingest *Ingest) {
			t.Helper()
			if _, err := streamItems(strings.NewReader(`{"items":[`+object+`]}`), adding(ingest)); err != nil {
				t.Error(err)
			}
		},
		"watch": func(t *testing.T, ingest *Ingest) {
			t.Helper()
			deliver(t, ingest, event(watch.Added, object))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ingest := NewIngest(nil, nil)
			read(t, ingest)
			run := ingest.index.Namespace("default").ByUID(objectUID("a"))
			if n := ingest.index.Undecodables().Counts()[v1alpha1.KindTaskRun]; n != 0 || run == nil {
				t.Errorf("%d objects are skipped, the run is %+v", n, run)
			}
		})
	}
}
