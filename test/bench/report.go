package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
)

// reportWrites prints the tables of writes.
func reportWrites(w io.Writer, all []comparison) error {
	rates := load.NewTable("operation", "clients", "bare loop, per second", "ours over REST, per second",
		"ratio (median, min to max)", "p50, bare loop", "p50, ours", "p99, bare loop", "p99, ours", "API writes each")
	cpu := load.NewTable("operation", "clients", "process", "CPU each, bare loop", "CPU each, ours")
	for i := range all {
		c := &all[i]
		bare, ours := load.Pool(c.bare.rounds), load.Pool(c.ours.rounds)
		rates.Row(c.name, strconv.Itoa(c.clients), load.Rate(bare.PerSecond), load.Rate(ours.PerSecond),
			load.RatioOf(c.ours.rounds, c.bare.rounds).String(),
			load.Millis(bare.Percentile(0.5)), load.Millis(ours.Percentile(0.5)),
			load.Millis(bare.Percentile(0.99)), load.Millis(ours.Percentile(0.99)),
			fmt.Sprintf("%.2f", c.ours.apiWrites/float64(max(c.ours.operations(), 1))))
		for _, process := range []string{"kube-apiserver", "etcd", "operator", "load"} {
			cpu.Row(c.name, strconv.Itoa(c.clients), process, load.Millis(c.bare.cpuEach(process)), load.Millis(c.ours.cpuEach(process)))
		}
	}
	_, err := io.WriteString(w, rates.String()+cpu.String())
	return err
}

// reportHeld prints the tables of reads, memory and cold starts.
func reportHeld(w io.Writer, clients []int, base held, all []held) error {
	var b strings.Builder
	b.WriteString(startTable(base, all).String())
	b.WriteString(memoryTable(base, all).String())
	heads := []string{"read", "runs"}
	for _, n := range clients {
		heads = append(heads, fmt.Sprintf("per second (clients: %d)", n), "p50", "p99")
	}
	reads := load.NewTable(heads...)
	for _, kind := range kindsOf(all) {
		for _, h := range all {
			reads.Row(readCells(h, kind)...)
		}
	}
	b.WriteString(reads.String())
	_, err := io.WriteString(w, b.String())
	return err
}

// kindsOf returns the names of the reads. Reads that no server supports come
// last.
func kindsOf(all []held) []string {
	if len(all) == 0 {
		return nil
	}
	var kinds []string
	for _, a := range all[0].answers {
		kinds = append(kinds, a.name)
	}
	for _, q := range all[0].missing {
		kinds = append(kinds, q.Name)
	}
	return kinds
}

func readCells(h held, kind string) []string {
	cells := []string{kind, strconv.Itoa(h.runs)}
	for _, a := range h.answers {
		if a.name != kind {
			continue
		}
		for _, s := range a.samples {
			cells = append(cells, load.Rate(s.PerSecond), load.Millis(s.Percentile(0.5)), load.Millis(s.Percentile(0.99)))
		}
		return cells
	}
	return append(cells, "no such route")
}

// startTable returns the table of starts of the operator.
func startTable(base held, all []held) *load.Table {
	t := load.NewTable("runs", "start, kube-apiserver just started", "start, kube-apiserver warm", "CPU of the operator until then", "peak of its resident memory until then",
		"its CPU until all runs are reconciled", "peak of its resident memory until then")
	seconds := func(s float64) string { return fmt.Sprintf("%.2f s", s) }
	for _, h := range append([]held{base}, all...) {
		t.Row(strconv.Itoa(h.runs),
			seconds(h.starts[0].Time.Seconds()),
			seconds(h.startMedian(func(s start) float64 { return s.Time.Seconds() })),
			seconds(h.startMedian(func(s start) float64 { return s.CPU.Seconds() })),
			load.Bytes(h.startMedian(func(s start) float64 { return s.Peak })),
			seconds(h.startMedian(func(s start) float64 { return s.reconciledCPU.Seconds() })),
			load.Bytes(h.startMedian(func(s start) float64 { return s.reconciledPeak })))
	}
	return t
}

// memoryTable returns the table of the memory of runs, less the memory used
// without runs.
func memoryTable(base held, all []held) *load.Table {
	t := load.NewTable("runs", "operator, live heap", "a run", "operator, resident", "a run",
		"kube-apiserver, live heap", "a run", "kube-apiserver, resident", "a run")
	for _, h := range append([]held{base}, all...) {
		cells := []string{strconv.Itoa(h.runs)}
		for _, size := range []func(footprint) float64{
			func(f footprint) float64 { return f.operatorHeap },
			func(f footprint) float64 { return f.operatorResident },
			func(f footprint) float64 { return f.apiServerHeap },
			func(f footprint) float64 { return f.apiServerResident },
		} {
			each := ""
			if h.runs > 0 {
				each = load.Bytes((size(h.footprint) - size(base.footprint)) / float64(h.runs))
			}
			cells = append(cells, load.Bytes(size(h.footprint)), each)
		}
		t.Row(cells...)
	}
	return t
}
