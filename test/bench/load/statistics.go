package load

import (
	"slices"
	"time"
)

// Percentile is the latency that the share, 0 to 1, of all operations stayed
// under; 0 when there were none.
func (s Sample) Percentile(share float64) time.Duration {
	if len(s.Latencies) == 0 {
		return 0
	}
	return s.Latencies[min(int(share*float64(len(s.Latencies))), len(s.Latencies)-1)]
}

// Pool joins the stretches of several rounds: the median of their rates, and all
// of their latencies.
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

// Median of the values; 0 when there are none.
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

// Ratio is how one rate stands to another, taken round by round: so both sides
// of each fraction met the machine in the same mood.
type Ratio struct {
	Median, Least, Greatest float64
}

// RatioOf divides the rates of the rounds. Rounds that only one side has are
// left out, as are those whose divisor is 0; without any the ratio is 0.
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
