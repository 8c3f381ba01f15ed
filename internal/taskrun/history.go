package taskrun

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// MaxHistoryBins is how many bins a history has at most; those after them are
// left out (contract §2.11).
const MaxHistoryBins = 500

// MinHistoryInterval is the length of the shortest bin.
const MinHistoryInterval Microseconds = 1_000_000

// Microseconds is a span of time, as a time.Duration is, but with room for
// thousands of years.
type Microseconds int64

// lastMicrosecond is the last point in time that has a spelling on the wire.
var lastMicrosecond = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()

// HistoryQuery asks how many runs were to start when.
type HistoryQuery struct {
	Filter     Filter
	Start, End time.Time    // the last bin may run past the end; without time between them there is none
	Interval   Microseconds // of a bin; MinHistoryInterval or more
}

// HistoryBin tells of the runs whose expected start time lies in it.
type HistoryBin struct {
	Start, End time.Time // the end is not part of the bin
	States     []HistoryState
}

// HistoryState tells of the runs of a bin that are in one state now.
type HistoryState struct {
	Type     orchestration.StateType
	Name     string
	Count    int
	RunTime  Seconds // the sum of their estimated run times, negative ones aside
	Lateness Seconds // the sum of their estimated start time deltas, negative ones aside
}

// Seconds is a sum of durations that may be longer than a time.Duration can be.
type Seconds struct{ whole, micros int64 }

func (s *Seconds) add(d time.Duration) {
	if d <= 0 {
		return
	}
	micros := s.micros + d.Microseconds()
	s.whole += micros / int64(MinHistoryInterval)
	s.micros = micros % int64(MinHistoryInterval)
}

// Float is the sum as a number of seconds.
func (s Seconds) Float() float64 { return float64(s.whole) + float64(s.micros)/1e6 }

// History returns the bins in order, empty ones too; the states of a bin are
// ordered by type and name. All of it is of one moment. It returns InvalidError
// for an interval that is too short.
func (s *Service) History(ctx context.Context, q HistoryQuery) ([]HistoryBin, error) {
	if q.Interval < MinHistoryInterval {
		return nil, &InvalidError{Field: "history_interval_seconds", Reason: "must not be less than 1 second"}
	}
	h := newHistory(q, s.now())
	if err := s.Store.Each(ctx, q.Filter, h.add); err != nil {
		return nil, err
	}
	return h.result(), nil
}

// history counts runs into bins.
type history struct {
	start, interval int64 // in microseconds
	now             time.Time
	bins            []perState[HistoryState]
}

func newHistory(q HistoryQuery, now time.Time) *history {
	start, interval := q.Start.UnixMicro(), int64(q.Interval)
	n := 0
	if span := q.End.UnixMicro() - start; span > 0 {
		n = int(min((span-1)/interval+1, MaxHistoryBins))
	}
	return &history{start: start, interval: interval, now: now, bins: make([]perState[HistoryState], n)}
}

func (h *history) add(run *Run) {
	if run.ExpectedStartTime == nil || run.State == nil {
		return
	}
	since := run.ExpectedStartTime.UnixMicro() - h.start
	if since < 0 || since/h.interval >= int64(len(h.bins)) {
		return
	}
	state := h.bins[since/h.interval].of(run.State)
	state.Count++
	state.RunTime.add(run.EstimatedRunTime(h.now))
	state.Lateness.add(run.EstimatedStartTimeDelta(h.now))
}

func (h *history) result() []HistoryBin {
	bins := make([]HistoryBin, 0, len(h.bins))
	for i := range h.bins {
		start := h.start + int64(i)*h.interval
		states := h.bins[i].values
		for j, key := range h.bins[i].keys {
			states[j].Type, states[j].Name = key.kind, key.name
		}
		slices.SortFunc(states, func(a, b HistoryState) int {
			return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
		})
		bins = append(bins, HistoryBin{
			Start: time.UnixMicro(start).UTC(), End: time.UnixMicro(min(start+h.interval, lastMicrosecond)).UTC(), States: states,
		})
	}
	return bins
}
