package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// report writes the tables of docs/benchmarks.md.
func report(w io.Writer, cycles []comparison, reads map[int]sample) error {
	var b strings.Builder
	fmt.Fprintln(&b, "| clients | bare loop, life cycles/s | ours over REST, life cycles/s | ratio (median, min to max) | p50 | p99 | API writes a life cycle |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|---|")
	for _, c := range cycles {
		fmt.Fprintf(&b, "| %d | %.0f | %.0f | %.2f (%.2f to %.2f) | %s | %s | %.2f |\n", c.clients, c.bare, c.ours,
			median(c.ratios), slices.Min(c.ratios), slices.Max(c.ratios), millis(c.p50), millis(c.p99), c.writesPerCycle)
	}
	fmt.Fprintln(&b, "\n| clients | process | CPU a life cycle, bare loop | CPU a life cycle, ours |")
	fmt.Fprintln(&b, "|---|---|---|---|")
	for _, c := range cycles {
		for _, name := range []string{"kube-apiserver", "etcd", "operator"} {
			fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", c.clients, name, millis(c.cpuBare[name]), millis(c.cpuOurs[name]))
		}
	}
	fmt.Fprintln(&b, "\n| clients | GETs/s | p50 | p99 |")
	fmt.Fprintln(&b, "|---|---|---|---|")
	for _, c := range cycles {
		r := reads[c.clients]
		fmt.Fprintf(&b, "| %d | %.0f | %s | %s |\n", c.clients, r.perSecond, millis(r.percentile(0.5)), millis(r.percentile(0.99)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
