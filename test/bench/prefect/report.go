package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
)

// goals maps the name of a Prefect server to the wanted ratio of our rate to its
// rate.
type goals map[string]float64

// The ratios to reach.
var (
	cycleGoals      = goals{"Prefect on PostgreSQL": 5}
	backgroundGoals = goals{"Prefect on PostgreSQL": 5}
	readGoals       = goals{"Prefect on SQLite": 50, "Prefect on PostgreSQL": 50}
)

// line returns a short result for a progress message.
func (r *result) line(contenders []*contender) string {
	parts := make([]string, len(contenders))
	for i, c := range contenders {
		parts[i] = c.name + " " + r.rate(i)
	}
	return fmt.Sprintf("%s, %d runs, %d clients: %s", r.kind, r.runs, r.clients, strings.Join(parts, ", "))
}

// rate formats the operations per second of a contender, with the failed and
// retried ones if there are any.
func (r *result) rate(i int) string {
	if r.missing[i] {
		return "no such route"
	}
	pooled := load.Pool(r.rounds[i])
	rate := load.Rate(pooled.PerSecond)
	if pooled.Failed > 0 {
		rate += fmt.Sprintf(" (%d failed)", pooled.Failed)
	}
	if pooled.Retried > 0 {
		rate += fmt.Sprintf(" (%d times 503)", pooled.Retried)
	}
	return rate
}

// report prints the table, with a row for each result, and the missed goals.
func report(w io.Writer, contenders []*contender, results []result) error {
	heads := []string{"operation", "runs", "clients"}
	for _, c := range contenders {
		heads = append(heads, c.name+", per second", "p50", "p99")
		if !c.ours {
			heads = append(heads, "ours by it (median, min to max)")
		}
	}
	table := load.NewTable(heads...)
	var short []string
	for i := range results {
		r := &results[i]
		table.Row(r.cells(contenders)...)
		short = slices.Concat(short, r.short(contenders))
	}
	text := table.String()
	if len(short) > 0 {
		text += "Short of the goal:\n\n- " + strings.Join(short, "\n- ") + "\n"
	} else {
		text += "Every goal is reached.\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func (r *result) cells(contenders []*contender) []string {
	cells := []string{r.kind, strconv.Itoa(r.runs), strconv.Itoa(r.clients)}
	for i, c := range contenders {
		pooled := load.Pool(r.rounds[i])
		cells = append(cells, r.rate(i), latency(pooled, 0.5), latency(pooled, 0.99))
		if !c.ours {
			cells = append(cells, r.ratio(i))
		}
	}
	return cells
}

// ratio divides our rate, which is the first, by a contender's.
func (r *result) ratio(i int) string {
	if r.missing[0] || r.missing[i] {
		return ""
	}
	ratio := load.RatioOf(r.rounds[0], r.rounds[i])
	if ratio == (load.Ratio{}) {
		return "" // no operation succeeded in any round
	}
	return ratio.String()
}

// short returns the missed goals of a result.
func (r *result) short(contenders []*contender) []string {
	var short []string
	for i, c := range contenders {
		goal, set := r.goals[c.name]
		if !set || r.missing[0] || r.missing[i] {
			continue
		}
		if ratio := load.RatioOf(r.rounds[0], r.rounds[i]); ratio != (load.Ratio{}) && ratio.Median < goal {
			short = append(short, fmt.Sprintf("%s, %d runs, %d clients: %s times %s, want %.0f",
				r.kind, r.runs, r.clients, load.Rate(ratio.Median), c.name, goal))
		}
	}
	return short
}

// latency formats a percentile. It returns an empty text if there was no
// operation.
func latency(s load.Sample, share float64) string {
	if len(s.Latencies) == 0 {
		return ""
	}
	return load.Millis(s.Percentile(share))
}
