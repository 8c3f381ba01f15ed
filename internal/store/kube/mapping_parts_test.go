package kube

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestLabelsThatKubernetesWouldChangeAreKeptExactly(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{ // whether labels alone keeps the text
		`"a"`: true, `""`: true, `"é"`: true, `"<&>"`: true, `"😀"`: true, `"` + strings.Repeat("é", 64) + `"`: true,
		`"` + strings.Repeat("é", 65) + `"`: false, `"\u00e9"`: false, `"\ud800"`: false, `"\/"`: false, "\t\"a\"": false,
		`true`: true, `false`: true, `null`: false,
		`0`: true, `3`: true, `-7`: true, `9223372036854775807`: true, `-9223372036854775808`: true,
		`9223372036854775808`: false, `123456789012345678901234567890`: false,
		`0.1`: true, `2.5`: true, `1e-9`: true, `1e+21`: true,
		`3.0`: false, `5.0`: false, `2.50`: false, `1e3`: false, `1E+21`: false, `-0`: false, `-0.0`: false, `0.0`: false,
		`1e400`: false, `-1e400`: false, `0.1000000000000000055511151231257827`: false,
	}
	for text, plain := range cases {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			want := map[string]json.RawMessage{"k": json.RawMessage(text)}
			values, exact := labelsToObject(want)
			if (len(values) == 1) != plain || (len(exact) == 0) != plain {
				t.Errorf("stands in labels: %q, in labelsExact: %q; labels alone is enough: %v", values, exact, plain)
			}
			if diff := cmp.Diff(want, labelsFromObject(values, exact)); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLabelsFromObject(t *testing.T) {
	t.Parallel()
	value := func(text string) v1alpha1.LabelValue { return v1alpha1.LabelValue{Raw: []byte(text)} }
	cases := map[string]struct {
		values map[string]v1alpha1.LabelValue
		exact  v1alpha1.ExactLabels
		want   map[string]json.RawMessage
	}{
		"none are none":      {},
		"no labels are kept": {values: map[string]v1alpha1.LabelValue{}, want: map[string]json.RawMessage{}},
		"exact ones win and add": {
			values: map[string]v1alpha1.LabelValue{"a": value(`5`), "b": value(`1`)},
			exact:  v1alpha1.ExactLabels{"a": "5.0", "c": "null"},
			want:   map[string]json.RawMessage{"a": []byte(`5.0`), "b": []byte(`1`), "c": []byte(`null`)},
		},
		"needless escapes of the API server are undone": {
			values: map[string]v1alpha1.LabelValue{"a": value(`"\u003c\u00e9"`)},
			want:   map[string]json.RawMessage{"a": []byte(`"<é"`)},
		},
		"what is no JSON stands for itself": {
			exact: v1alpha1.ExactLabels{"a": "plain", "b": ""},
			want:  map[string]json.RawMessage{"a": []byte(`"plain"`), "b": []byte(`""`)},
		},
		"a value without text is null": {
			values: map[string]v1alpha1.LabelValue{"a": {}}, want: map[string]json.RawMessage{"a": []byte(`null`)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, labelsFromObject(tc.values, tc.exact)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDataFromObject(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text     string
		want     string // "" is none
		wantBack string // how it is written; "" is not at all
	}{
		"an object":                 {text: ` {"a": 1.0}`, want: ` {"a": 1.0}`, wantBack: ` {"a": 1.0}`},
		"a number":                  {text: `1e400`, want: `1e400`, wantBack: `1e400`},
		"null is none":              {text: ` null `},
		"a text":                    {text: `"a"`, want: `"a"`, wantBack: `a`},
		"a text of a number":        {text: `"42"`, want: `"42"`, wantBack: `"42"`},
		"a text of null":            {text: `"null"`, want: `"null"`, wantBack: `"null"`},
		"an escaped text":           {text: `"\u00e9"`, want: `"\u00e9"`, wantBack: `"\u00e9"`},
		"plain text":                {text: `he said "<é>"`, want: `"he said \"<é>\""`, wantBack: `he said "<é>"`},
		"no text at all":            {text: ``, want: `""`, wantBack: ``},
		"an object that is cut off": {text: `{"a": `, want: `"{\"a\": "`, wantBack: `{"a": `},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := dataFromObject(&tc.text)
			if string(got) != tc.want {
				t.Errorf("dataFromObject(%q) = %q, want %q", tc.text, got, tc.want)
			}
			back := dataToObject(got)
			if textOr(back, "") != tc.wantBack || (back == nil) != (tc.want == "") {
				t.Errorf("dataToObject(%q) = %q, want %q", got, textOr(back, "<none>"), tc.wantBack)
			}
		})
	}
	if got := dataFromObject(nil); got != nil {
		t.Errorf("dataFromObject(nil) = %q, want none", got)
	}
}

func TestDeferredIsNullFalseOrTrue(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		deferred *bool
		want     string
	}{
		"null needs no details": {deferred: nil, want: `null`},
		"false":                 {deferred: new(false), want: `{"deferred":false}`},
		"true":                  {deferred: new(true), want: `{"deferred":true}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			details := orchestration.StateDetails{Deferred: tc.deferred}
			object := detailsToObject(&details)
			text, err := json.Marshal(object)
			if err != nil || string(text) != tc.want {
				t.Errorf("written as %s, error %v, want %s", text, err, tc.want)
			}
			if diff := cmp.Diff(details, detailsFromObject(object)); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIntegersOfThePolicySaturate(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"": "", "0": "0", "-3": "-3", "3.0": "3", "1e3": "1000",
		"9007199254740991": "9007199254740991", "9007199254740992": "9007199254740991",
		"123456789012345678901234567890": "9007199254740991", "-123456789012345678901234567890": "-9007199254740991",
		"1e400": "9007199254740991", "-9223372036854775808": "-9007199254740991", "nonsense": "0",
	}
	for text, want := range cases {
		if got := integerText(integer(text)); got != want {
			t.Errorf("integer(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestPolicyOfAnObjectMadeByHand(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy *v1alpha1.EmpiricalPolicy
		want   taskrun.Policy
	}{
		"none": {},
		"a list without a kind is a list": {
			policy: &v1alpha1.EmpiricalPolicy{RetryDelay: []string{"5.0"}},
			want:   taskrun.Policy{RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{"5.0"}}},
		},
		"no delay cannot be a single one": {
			policy: &v1alpha1.EmpiricalPolicy{RetryDelay: []string{}, RetryDelayKind: "Single"},
			want:   taskrun.Policy{RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{}}},
		},
		"a kind without a list is nothing": {policy: &v1alpha1.EmpiricalPolicy{RetryDelayKind: "Single"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, policyFromObject(tc.policy)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTimesStayWithinWhatAnObjectHolds(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("", 14*60*60)
	cases := map[string]struct{ at, want time.Time }{
		"the zero time is moved off null":      {at: time.Time{}, want: firstTime},
		"a time before year 1 in UTC is moved": {at: time.Date(1, 1, 1, 0, 0, 0, 0, east), want: firstTime},
		"a time after year 9999 is moved":      {at: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600)), want: lastTime},
		"nanoseconds are cut":                  {at: time.Date(2026, 1, 1, 0, 0, 0, 1999, time.UTC), want: time.Date(2026, 1, 1, 0, 0, 0, 1000, time.UTC)},
		"the last time is kept":                {at: lastTime, want: lastTime},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(microTimePointer(&tc.at))
			if err != nil {
				t.Fatal(err)
			}
			var read *v1alpha1.MicroTime
			if err := json.Unmarshal(text, &read); err != nil || read == nil {
				t.Fatalf("reading %s: %v, error %v", text, read, err)
			}
			if got := timePointer(read); !got.Equal(tc.want) || got.Location() != time.UTC {
				t.Errorf("%s comes back as %s, want %s", tc.at, got, tc.want)
			}
		})
	}
}

func TestTTLIsInWholeSeconds(t *testing.T) {
	t.Parallel()
	cases := map[time.Duration]int32{
		0: 0, time.Second: 1, 1500 * time.Millisecond: 2, time.Nanosecond: 1, -time.Second: 0,
		100 * 365 * 24 * time.Hour: 2147483647,
	}
	for _, ttl := range slices.Sorted(maps.Keys(cases)) {
		if got := ttlToObject(&ttl); *got != cases[ttl] {
			t.Errorf("ttlToObject(%s) = %d, want %d", ttl, *got, cases[ttl])
		}
	}
	if got := ttlFromObject(new(int32(90))); *got != 90*time.Second {
		t.Errorf("ttlFromObject(90) = %s", got)
	}
}

func TestCountsStayWithinTheSchema(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{-1: 0, 0: 0, 7: 7, maxCount: maxCount, maxCount + 1: maxCount} {
		if got := counted(n); got != want {
			t.Errorf("counted(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestRunTimesStayWithinTheSchema(t *testing.T) {
	t.Parallel()
	for total, want := range map[time.Duration]time.Duration{
		time.Microsecond: time.Microsecond, -time.Hour: -time.Hour, longestRunTime: longestRunTime,
		math.MaxInt64: longestRunTime, math.MinInt64: -longestRunTime,
	} {
		run := &taskrun.Run{}
		run.TotalRunTime = total
		if got := statusFromRun(run).TotalRunTime; got == nil || got.Duration != want {
			t.Errorf("run time %s is stored as %v, want %s", total, got, want)
		}
	}
	if got := statusFromRun(&taskrun.Run{}).TotalRunTime; got != nil {
		t.Errorf("no run time is stored as %v, want it left out", got)
	}
}
