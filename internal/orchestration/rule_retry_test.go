package orchestration

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRetryFailedTasks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy    RetryPolicy
		runCount  int64
		retriable *bool
		wantAfter time.Duration // the delay of the retry
		wantRetry bool
	}{
		"without retries a failure is kept":                      {runCount: 1},
		"zero retries are no retries":                            {policy: RetryPolicy{Retries: new(0.0)}, runCount: 1},
		"the first retry of one is immediate":                    {policy: RetryPolicy{Retries: new(1.0)}, runCount: 1, wantRetry: true},
		"as many starts as retries leave one retry":              {policy: RetryPolicy{Retries: new(2.0)}, runCount: 2, wantRetry: true},
		"more starts than retries leave none":                    {policy: RetryPolicy{Retries: new(2.0)}, runCount: 3},
		"a negative number of retries leaves none":               {policy: RetryPolicy{Retries: new(-1.0)}, runCount: 1},
		"infinite retries":                                       {policy: RetryPolicy{Retries: new(math.Inf(1))}, runCount: math.MaxInt64, wantRetry: true},
		"NaN retries are no retries":                             {policy: RetryPolicy{Retries: new(math.NaN())}, runCount: 1},
		"a failure marked as not retriable is kept":              {policy: RetryPolicy{Retries: new(3.0)}, runCount: 1, retriable: new(false)},
		"a failure marked as retriable is retried":               {policy: RetryPolicy{Retries: new(3.0)}, runCount: 1, retriable: new(true), wantRetry: true},
		"one delay applies to all retries":                       {policy: RetryPolicy{Retries: new(5.0), Delays: []float64{4}}, runCount: 3, wantRetry: true, wantAfter: 4 * time.Second},
		"a fractional delay":                                     {policy: RetryPolicy{Retries: new(5.0), Delays: []float64{100.5}}, runCount: 1, wantRetry: true, wantAfter: 100500 * time.Millisecond},
		"the first of several delays applies to the first retry": {policy: RetryPolicy{Retries: new(5.0), Delays: []float64{1, 2, 3}}, runCount: 1, wantRetry: true, wantAfter: time.Second},
		"each retry has its delay":                               {policy: RetryPolicy{Retries: new(5.0), Delays: []float64{1, 2, 3}}, runCount: 2, wantRetry: true, wantAfter: 2 * time.Second},
		"the last delay repeats":                                 {policy: RetryPolicy{Retries: new(9.0), Delays: []float64{1, 2, 3}}, runCount: 9, wantRetry: true, wantAfter: 3 * time.Second},
		"a run count of zero gets the first delay":               {policy: RetryPolicy{Retries: new(9.0), Delays: []float64{1, 2, 3}}, runCount: 0, wantRetry: true, wantAfter: time.Second},
		"a negative delay gives a time in the past":              {policy: RetryPolicy{Retries: new(1.0), Delays: []float64{-30}}, runCount: 1, wantRetry: true, wantAfter: -30 * time.Second},
		"jitter does not change a delay of zero":                 {policy: RetryPolicy{Retries: new(1.0), Delays: []float64{0}, JitterFactor: 1}, runCount: 1, wantRetry: true},
		"jitter without delays gives no delay":                   {policy: RetryPolicy{Retries: new(1.0), JitterFactor: 1}, runCount: 1, wantRetry: true},
		"jitter does not change a negative delay":                {policy: RetryPolicy{Retries: new(1.0), Delays: []float64{-30}, JitterFactor: 1}, runCount: 1, wantRetry: true, wantAfter: -30 * time.Second},
		"a draw of zero gives the shortest delay":                {policy: RetryPolicy{Retries: new(1.0), Delays: []float64{1000}, JitterFactor: 0.3}, runCount: 1, wantRetry: true, wantAfter: 751772 * time.Millisecond},
		"a very large factor can give a delay of zero":           {policy: RetryPolicy{Retries: new(1.0), Delays: []float64{1000}, JitterFactor: 60}, runCount: 1, wantRetry: true},
		"a jitter factor of NaN gives a delay of zero":           {policy: RetryPolicy{Retries: new(1.0), Delays: []float64{9}, JitterFactor: math.NaN()}, runCount: 1, wantRetry: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Running, Failed)
			f.Run.Policy, f.Run.RunCount = tt.policy, tt.runCount
			f.Proposed.Message, f.Proposed.Data = new("boom"), json.RawMessage(`{"x":1}`)
			f.Proposed.Details.Retriable = tt.retriable
			f.Proposed.Details.CacheKey = new("forgotten")

			want := Verdict{}
			if tt.wantRetry {
				want = Verdict{Status: Reject, Reason: "Retrying", State: &State{
					ID: "new", Type: Scheduled, Name: NameAwaitingRetry, Timestamp: noon,
					Message: new("boom"), Data: json.RawMessage(`{"x":1}`),
					Details: StateDetails{Deferred: new(false), ScheduledTime: new(noon.Add(tt.wantAfter))},
				}}
			}
			near := cmpopts.EquateApproxTime(time.Millisecond)
			if diff := cmp.Diff(want, hear(t, retryFailedTasks, f), near); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryDelay_extremeValuesStayWithinTheYears(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		delay float64
		want  time.Time
	}{
		"NaN is no delay":                            {math.NaN(), noon},
		"infinite":                                   {math.Inf(1), latest},
		"negative infinity":                          {math.Inf(-1), earliest},
		"the largest number":                         {math.MaxFloat64, latest},
		"the most negative number":                   {-math.MaxFloat64, earliest},
		"the smallest number":                        {math.SmallestNonzeroFloat64, noon},
		"longer than a Duration":                     {1e11, time.Unix(noon.Unix()+1e11, 0).UTC()},
		"further back than a Duration":               {-5e10, time.Unix(noon.Unix()-5e10, 0).UTC()},
		"one second before the last second":          {float64(latest.Unix()-noon.Unix()) - 1, time.Date(9999, 12, 31, 23, 59, 58, 0, time.UTC)},
		"the last second":                            {float64(latest.Unix() - noon.Unix()), latest},
		"one second after the start of time":         {float64(earliest.Unix()-noon.Unix()) + 1, time.Date(1, 1, 1, 0, 0, 2, 0, time.UTC)},
		"a fraction is rounded to even microseconds": {0.0000025, noon.Add(2 * time.Microsecond)},
		"more than half a microsecond is rounded up": {0.0000027, noon.Add(3 * time.Microsecond)},
		"a negative fraction":                        {-0.25, noon.Add(-250 * time.Millisecond)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := addSeconds(noon, tt.delay)
			if !got.Equal(tt.want) {
				t.Errorf("noon and %g s = %s, want %s", tt.delay, got, tt.want)
			}
		})
	}
}

// A time before the first second that can be written becomes that second, without a fraction.
func TestAddSeconds_limitedToFirstSecondWithoutFraction(t *testing.T) {
	t.Parallel()
	at := noon.Add(500 * time.Millisecond)
	if got := addSeconds(at, float64(earliest.Unix()-at.Unix())); !got.Equal(earliest) {
		t.Errorf("got %s, want %s", got, earliest)
	}
}

// From this factor on, the lower limit is closer to 0 than the precision of a float64.
func TestJitter_hasNoLowerLimitFromAFactorOf49(t *testing.T) {
	t.Parallel()
	for _, factor := range []float64{49, 50, 1e6} {
		if got := jitter(1, factor, 0); got != 0 {
			t.Errorf("the shortest delay for a factor of %g is %g averages, want 0", factor, got)
		}
	}
	if got := jitter(1, 48, 0); got <= 0 {
		t.Errorf("the shortest delay for a factor of 48 is %g averages, want more than 0", got)
	}
}

// Contract §3.4 gives the range of a factor of 0.3.
func TestJitter_staysInItsRange(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ factor, wantLeast, wantMost float64 }{
		"a factor of 0.3": {0.3, 0.752, 1.3},
		"a factor of 1":   {1, 0.415, 2},
		"a factor of 60":  {60, 0, 23.026}, // the draw cannot reach a longer delay
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const average = 1000
			least, most := jitter(average, tt.factor, 0), jitter(average, tt.factor, math.Nextafter(1, 0))
			if math.Abs(least-tt.wantLeast*average) > 1 || math.Abs(most-tt.wantMost*average) > 1 {
				t.Errorf("range is %g to %g, want %g to %g averages", least, most, tt.wantLeast, tt.wantMost)
			}
			last := least
			for draw := 0.0; draw < 1; draw += 1.0 / 64 {
				delay := jitter(average, tt.factor, draw)
				if delay < last {
					t.Errorf("a draw of %g gives %g, less than %g before", draw, delay, last)
				}
				last = delay
			}
		})
	}
}
