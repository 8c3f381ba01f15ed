package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
)

// goals are how many times as fast as a Prefect server, by its name, ours is meant
// to be.
type goals map[string]float64

// The goals.
var (
	cycleGoals      = goals{"Prefect on PostgreSQL": 5}
	backgroundGoals = goals{"Prefect on PostgreSQL": 5}
	readGoals       = goals{"Prefect on SQLite": 50, "Prefect on PostgreSQL": 50}
)

// line is a result in short, for whoever waits.
func (r *result) line(contenders []*contender) string {
	parts := make([]string, len(contenders))
	for i, c := range contenders {
		parts[i] = c.name + " " + r.rate(i)
	}
	return fmt.Sprintf("%s, %d runs, %d clients: %s", r.kind, r.runs, r.clients, strings.Join(parts, ", "))
}

// rate is how many a contender does in a second; and how many failed, or were sent
// again, if any were.
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

// report prints the table, a row for each result, and what falls short of a goal.
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

// ratio is ours, which stands first, by a contender.
func (r *result) ratio(i int) string {
	if r.missing[0] || r.missing[i] {
		return ""
	}
	ratio := load.RatioOf(r.rounds[0], r.rounds[i])
	if ratio == (load.Ratio{}) {
		return "" // not one was done in any round
	}
	return ratio.String()
}

// short tells of each goal that is not reached.
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

// latency is a percentile; nothing where no operation was done.
func latency(s load.Sample, share float64) string {
	if len(s.Latencies) == 0 {
		return ""
	}
	return load.Millis(s.Percentile(share))
}
