package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

func TestAnIntegerWithAFractionLosesIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text  string
		want  string // empty: as it is
		fails bool
	}{
		"no fraction":              {text: `{"status":{"runCount":3}}`},
		"one":                      {text: `{"status":{"runCount":543032858.6}}`, want: `{"status":{"runCount":543032858}}`},
		"two, and blanks":          {text: `{"status":{"runCount": 3.0000000001 ,"observedGeneration":7.00000000001 } }`, want: `{"status":{"runCount": 3 ,"observedGeneration":7 } }`},
		"negative":                 {text: `{"status":{"runCount":-5.00000000001}}`, want: `{"status":{"runCount":-5}}`},
		"not where numbers may be": {text: `{"spec":{"labels":{"a":2.5}}}`},
		"an exponent":              {text: `{"status":{"runCount":1.5e1}}`, fails: true},
		"too large":                {text: `{"status":{"runCount":99999999999999999999}}`, fails: true},
		"another type":             {text: `{"status":{"runCount":"1.5"}}`, fails: true},
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
