package convert

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

func TestLabels_thatKubernetesWouldChangeAreKeptExactly(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{ // whether labels keeps the text
		`"a"`: true, `""`: true, `"é"`: true, `"<&>"`: true, `"😀"`: true, `"` + strings.Repeat("é", 64) + `"`: true,
		`"` + strings.Repeat("é", 65) + `"`: false, `"\u00e9"`: false, `"\ud800"`: false, `"\/"`: false,
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
			var exact wire
			values := labelsToObject(want, &exact)
			if (len(values) == 1) != plain || (exact.text() == "") != plain {
				t.Errorf("in labels: %q, in origin.wire: %s; labels alone is enough: %v", values, exact.text(), plain)
			}
			if diff := cmp.Diff(want, labelsFromObject(values, wireFromText(exact.text()).Labels)); diff != "" {
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
		exact  map[string]json.RawMessage
		want   map[string]json.RawMessage
	}{
		"no labels":    {},
		"empty labels": {values: map[string]v1alpha1.LabelValue{}, want: map[string]json.RawMessage{}},
		"exact labels take precedence": {
			values: map[string]v1alpha1.LabelValue{"a": value(`5`), "b": value(`1`)},
			exact:  wireFromText(`{"labels":{"a":5.0,"c":null}}`).Labels,
			want:   map[string]json.RawMessage{"a": []byte(`5.0`), "b": []byte(`1`), "c": []byte(`null`)},
		},
		"needless escapes of the API server are undone": {
			values: map[string]v1alpha1.LabelValue{"a": value(`"\u003c\u00e9"`)},
			want:   map[string]json.RawMessage{"a": []byte(`"<é"`)},
		},
		"invalid exact labels are ignored": {exact: wireFromText(`{"labels":{"a":5.0}`).Labels},
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
		text string
		want string // "": no data
		not  bool   // invalid JSON
	}{
		"an object":          {text: ` {"a": 1.0}`, want: ` {"a": 1.0}`},
		"a number":           {text: `1e400`, want: `1e400`},
		"null is no data":    {text: ` null `},
		"a text":             {text: `"a"`, want: `"a"`},
		"a text of a number": {text: `"42"`, want: `"42"`},
		"a text of null":     {text: `"null"`, want: `"null"`},
		"an escaped text":    {text: `"\u00e9"`, want: `"\u00e9"`},
		"plain text":         {text: `he said "<é>"`, not: true},
		"empty text":         {text: ``, not: true},
		"a truncated object": {text: `{"a": `, not: true},
		"a YAML object":      {text: `{a: 1}`, not: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, fault := dataFromObject(&tc.text)
			if string(got) != tc.want || (fault != "") != tc.not {
				t.Errorf("dataFromObject(%q) = %q, %q, want %q", tc.text, got, fault, tc.want)
			}
			if back := textOr(dataToObject(got), ""); back != tc.want {
				t.Errorf("dataToObject(%q) = %q, want it as it is", got, back)
			}
		})
	}
	if got, fault := dataFromObject(nil); got != nil || fault != "" {
		t.Errorf("dataFromObject(nil) = %q, %q, want none", got, fault)
	}
}

func TestDeferred_isNullFalseOrTrue(t *testing.T) {
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

// A count beyond the limits of spec is stored as the nearest limit, and the original
// is kept in wire.
func TestPolicy_retriesBeyondTheLimits(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"": "", "0": "0", "-3": "0", "3.0": "3", "1e3": "1000",
		"9007199254740991": "9007199254740991", "9007199254740992": "9007199254740991",
		"123456789012345678901234567890": "9007199254740991", "-123456789012345678901234567890": "0", "1e400": "9007199254740991",
	}
	for text, want := range cases {
		var exact wire
		policy := policyToObject(taskrun.Policy{Retries: text}, &exact.wirePolicy)
		if policy == nil {
			policy = &v1alpha1.EmpiricalPolicy{}
		}
		if got := integerText(policy.Retries); got != want {
			t.Errorf("retries %q is stored as %q, want %q", text, got, want)
		}
		if got := policyFromObject(policy, wireFromText(exact.text()).wirePolicy).Retries; got != text {
			t.Errorf("retries %q is read back as %q", text, got)
		}
	}
}

// Numbers whose texts Kubernetes would change are stored as texts. Values without a
// field in spec are in origin.wire.
func TestPolicy_storedFormOfNumbers(t *testing.T) {
	t.Parallel()
	list := func(seconds ...string) *taskrun.RetryDelay { return &taskrun.RetryDelay{List: true, Seconds: seconds} }
	cases := map[string]struct {
		policy taskrun.Policy
		want   string
		wire   string
	}{
		"common values": {
			policy: taskrun.Policy{Retries: "2", RetryDelay: list("10", "60.5"), RetryJitterFactor: "0.3"},
			want:   `{"retries":2,"retryDelay":[10,60.5],"retryJitterFactor":0.3}`,
		},
		"other formats": {
			policy: taskrun.Policy{RetryDelay: list("4.0", "1e3", "-0", "-2.50", "123456789012345678901234567890"), RetryJitterFactor: "0.30"},
			want:   `{"retryDelay":["4.0","1e3","-0","-2.50","123456789012345678901234567890"],"retryJitterFactor":"0.30"}`,
		},
		"one delay":        {taskrun.Policy{RetryDelay: &taskrun.RetryDelay{Seconds: []string{"4"}}}, `{"retryDelay":[4]}`, `{"retry_delay":4}`},
		"no delays":        {policy: taskrun.Policy{RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{}}}, want: `{"retryDelay":[]}`},
		"deprecated names": {taskrun.Policy{MaxRetries: "3", RetryDelaySeconds: "1.50"}, `null`, `{"max_retries":3,"retry_delay_seconds":1.50}`},
		"negative zero":    {taskrun.Policy{RetryJitterFactor: "-0.0"}, `null`, `{"retry_jitter_factor":-0.0}`},
		"no retries":       {taskrun.Policy{Retries: "-1"}, `{"retries":0}`, `{"retries":-1}`},
		"nothing set":      {taskrun.Policy{}, `null`, ``},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var exact wire
			policy := policyToObject(tc.policy, &exact.wirePolicy)
			got, err := json.Marshal(policy)
			if err != nil || string(got) != tc.want || exact.text() != tc.wire {
				t.Errorf("stored as %s and %s, error %v, want %s and %s", got, exact.text(), err, tc.want, tc.wire)
			}
			if diff := cmp.Diff(tc.policy, policyFromObject(policy, wireFromText(exact.text()).wirePolicy)); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPolicyFromObject_createdByAUser(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy *v1alpha1.EmpiricalPolicy
		wire   string
		want   taskrun.Policy
	}{
		"none": {},
		"a text is a number, and other texts are ignored": {
			policy: &v1alpha1.EmpiricalPolicy{RetryDelay: []v1alpha1.Number{{Raw: `"5.0"`}, {Raw: "null"}, {}, {Raw: `"x"`}, {Raw: "7"}}},
			want:   taskrun.Policy{RetryDelay: &taskrun.RetryDelay{List: true, Seconds: []string{"5.0", "7"}}},
		},
		"a wire of another type is ignored": {
			policy: &v1alpha1.EmpiricalPolicy{Retries: new(int64(1))}, wire: `{"retries":"7","retry_delay":{},"max_retries":[]}`,
			want: taskrun.Policy{Retries: "1"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, policyFromObject(tc.policy, wireFromText(tc.wire).wirePolicy)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTimes_areLimitedToThoseOfAnObject(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("", 14*60*60)
	cases := map[string]struct{ at, want time.Time }{
		"the zero time is not null":   {at: time.Time{}, want: firstTime},
		"a time before year 1 in UTC": {at: time.Date(1, 1, 1, 0, 0, 0, 0, east), want: firstTime},
		"a time after year 9999":      {at: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600)), want: lastTime},
		"nanoseconds are truncated":   {at: time.Date(2026, 1, 1, 0, 0, 0, 1999, time.UTC), want: time.Date(2026, 1, 1, 0, 0, 0, 1000, time.UTC)},
		"the last time":               {at: lastTime, want: lastTime},
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

func TestTTL_isInWholeSeconds(t *testing.T) {
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

func TestCounts_areLimitedByTheSchema(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{-1: 0, 0: 0, 7: 7, maxCount: maxCount, maxCount + 1: maxCount} {
		if got := counted(n); got != want {
			t.Errorf("counted(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestRunTimes_areLimitedByTheSchema(t *testing.T) {
	t.Parallel()
	for total, want := range map[time.Duration]string{
		0: "", time.Nanosecond: "0.000000001", time.Microsecond: "0.000001", 90*time.Second + 500*time.Millisecond: "90.5",
		-time.Hour: "-3600", -time.Nanosecond: "-0.000000001", 100 * time.Second: "100",
		longestRunTime: "3599996400", math.MaxInt64: "3599996400", math.MinInt64: "-3599996400",
	} {
		run := &taskrun.Run{}
		run.TotalRunTime = total
		got := StatusFromRun(run).TotalRunTimeSeconds
		if got != want {
			t.Errorf("run time %s is stored as %q, want %q", total, got, want)
		}
		if back := secondsFromObject(got); back != min(max(total, -longestRunTime), longestRunTime) {
			t.Errorf("run time %s is read as %s", total, back)
		}
	}
	for _, text := range []string{"x", "1m", "9999999999999"} {
		if got := secondsFromObject(text); got != 0 {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}
