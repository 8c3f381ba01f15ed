package load

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func milliseconds(values ...int) []time.Duration {
	var all []time.Duration
	for _, v := range values {
		all = append(all, time.Duration(v)*time.Millisecond)
	}
	return all
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var hundred []int
	for i := range 100 {
		hundred = append(hundred, i+1)
	}
	cases := map[string]struct {
		latencies []time.Duration
		share     float64
		want      time.Duration
	}{
		"no latencies":                         {nil, 0.5, 0},
		"one latency":                          {milliseconds(7), 0.99, 7 * time.Millisecond},
		"half of a hundred are below the 51st": {milliseconds(hundred...), 0.5, 51 * time.Millisecond},
		"99 of a hundred are below the last":   {milliseconds(hundred...), 0.99, 100 * time.Millisecond},
		"a share of 1 is the last latency":     {milliseconds(1, 2, 3), 1, 3 * time.Millisecond},
		"a share of 0 is the first latency":    {milliseconds(1, 2, 3), 0, time.Millisecond},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (Sample{Latencies: c.latencies}).Percentile(c.share); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		values []float64
		want   float64
	}{
		"no values":               {nil, 0},
		"an odd number of values": {[]float64{9, 1, 5}, 5},
		"the mean of the middle two of an even number": {[]float64{4, 1, 2, 100}, 3},
		"one outlier changes little":                   {[]float64{10, 11, 0, 12, 13}, 11},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Median(c.values); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestPool_takesTheMedianRateAndAllLatencies(t *testing.T) {
	t.Parallel()
	first, second := errors.New("first"), errors.New("second")
	got := Pool([]Sample{
		{PerSecond: 10, Latencies: milliseconds(3, 9), Retried: 1},
		{PerSecond: 30, Latencies: milliseconds(1), Failed: 2, FirstErr: first},
		{PerSecond: 11, Latencies: milliseconds(4), Failed: 1, FirstErr: second, Retried: 4},
	})
	want := Sample{PerSecond: 11, Latencies: milliseconds(1, 3, 4, 9), Failed: 3, FirstErr: first, Retried: 5}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Error(diff)
	}
}

func TestRatioOf_dividesRoundByRound(t *testing.T) {
	t.Parallel()
	rates := func(values ...float64) []Sample {
		var all []Sample
		for _, v := range values {
			all = append(all, Sample{PerSecond: v})
		}
		return all
	}
	cases := map[string]struct {
		of, by []Sample
		want   Ratio
	}{
		"a ratio per round":                              {rates(10, 40, 30), rates(10, 10, 10), Ratio{Median: 3, Least: 1, Greatest: 4}},
		"a round with a divisor of 0 is omitted":         {rates(10, 20), rates(0, 10), Ratio{Median: 2, Least: 2, Greatest: 2}},
		"a round that one side does not have is omitted": {rates(10, 20), rates(10), Ratio{Median: 1, Least: 1, Greatest: 1}},
		"no round": {nil, rates(1), Ratio{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, RatioOf(c.of, c.by)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
