package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
)

// shorten reduces all measurements to less than three minutes in total.
func (b *bench) shorten() {
	b.clients, b.readClients, b.runs = load.Numbers{1, 16}, load.Numbers{16}, load.Numbers{1000}
	b.rounds, b.stretch, b.readStretch = 2, time.Second, 200*time.Millisecond
	b.backgroundRuns, b.listenerCount = 200, 200
}

// quickly measures every part briefly and reports ratios.
func (b *bench) quickly(ctx context.Context, stdout io.Writer) error {
	compared, err := b.compareWrites(ctx)
	if err != nil {
		return err
	}
	background, _, err := b.measureBackground(ctx)
	if err != nil {
		return err
	}
	kinds, _, err := b.measureListeners(ctx)
	if err != nil {
		return err
	}
	reads, err := b.measureHeld(ctx, b.runs[0])
	if err != nil {
		return err
	}
	return reportQuick(stdout, compared, background, kinds, reads)
}

// reportQuick prints one table. Each ratio compares two figures of the same
// run.
func reportQuick(w io.Writer, compared []comparison, background []took, kinds []*listening, reads held) error {
	t := load.NewTable("what", "compared with", "ratio", "measured")
	var cycles []load.Sample // of the highest number of clients
	var create time.Duration // of the lowest number of clients
	for i := range compared {
		c := &compared[i]
		ours := load.Pool(c.ours.rounds)
		t.Row(fmt.Sprintf("%s, clients: %d", c.name, c.clients), "the bare loop", load.RatioOf(c.ours.rounds, c.bare.rounds).String(),
			load.Rate(ours.PerSecond)+"/s")
		switch {
		case c.name == writeCycle:
			cycles = c.ours.rounds
		case c.name == writeCreate && create == 0:
			create = ours.Percentile(0.5)
		}
	}
	frames, endToEnd := load.Pool(background[backgroundsFrame].rounds), background[backgroundsEndToEnd].rounds
	t.Row("submit to frame, p50", "the p50 of a create by one client", quotient(frames.Percentile(0.5).Seconds(), create.Seconds()),
		load.Millis(frames.Percentile(0.5)))
	t.Row("background runs, end to end", "life cycles by 16 clients", load.RatioOf(endToEnd, cycles).String(),
		load.Rate(load.Pool(endToEnd).PerSecond)+"/s")
	for _, kind := range kinds {
		t.Row(fmt.Sprintf("life cycles while there are listeners %s, and idle workers", kind.name), "life cycles without them",
			load.RatioOf(kind.with.rounds, kind.without.rounds).String(), load.Rate(load.Pool(kind.with.rounds).PerSecond)+"/s")
	}
	for _, a := range reads.answers[1:] {
		t.Row(fmt.Sprintf("%s, %d runs", a.name, reads.runs), reads.answers[0].name,
			quotient(a.samples[0].PerSecond, reads.answers[0].samples[0].PerSecond), load.Rate(a.samples[0].PerSecond)+"/s")
	}
	_, err := io.WriteString(w, t.String())
	return err
}

func quotient(of, by float64) string {
	if by == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", of/by)
}
