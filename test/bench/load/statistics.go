package load

import (
	"slices"
	"time"
)

// Percentile returns the latency below which this share of all operations is,
// from 0 to 1. It returns 0 if there were none.
func (s Sample) Percentile(share float64) time.Duration {
	if len(s.Latencies) == 0 {
		return 0
	}
	return s.Latencies[min(int(share*float64(len(s.Latencies))), len(s.Latencies)-1)]
}

// Pool combines the stretches of several rounds: the median of their rates, and
// all of their latencies.
func Pool(rounds []Sample) Sample {
	var pooled Sample
	rates := make([]float64, 0, len(rounds))
	for _, round := range rounds {
		rates = append(rates, round.PerSecond)
		pooled.Latencies = append(pooled.Latencies, round.Latencies...)
		pooled.Failed += round.Failed
		pooled.Retried += round.Retried
		if pooled.FirstErr == nil {
			pooled.FirstErr = round.FirstErr
		}
	}
	pooled.PerSecond = Median(rates)
	slices.Sort(pooled.Latencies)
	return pooled
}

// Median returns the median of the values, or 0 if there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Ratio is the ratio of two rates, computed per round, because the speed of the
// machine varies over time.
type Ratio struct {
	Median, Least, Greatest float64
}

// RatioOf divides the rates of each round. It omits rounds that only one side
// has and rounds with a divisor of 0. Without any round, the ratio is 0.
func RatioOf(of, by []Sample) Ratio {
	var each []float64
	for i := range min(len(of), len(by)) {
		if by[i].PerSecond > 0 {
			each = append(each, of[i].PerSecond/by[i].PerSecond)
		}
	}
	if len(each) == 0 {
		return Ratio{}
	}
	return Ratio{Median: Median(each), Least: slices.Min(each), Greatest: slices.Max(each)}
}
