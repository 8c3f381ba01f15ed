package usecase

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// lastMicrosecond is the latest time that the wire can represent.
var lastMicrosecond = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()

// History returns the bins in order, empty ones too; the states of a bin are
// ordered by type and name. All data is from one snapshot. It returns InvalidError
// for an interval that is too short.
func (l *Lister) History(ctx context.Context, q taskrun.HistoryQuery) ([]taskrun.HistoryBin, error) {
	if q.Interval < taskrun.MinHistoryInterval {
		return nil, &taskrun.InvalidError{Field: "history_interval_seconds", Reason: "must not be less than 1 second"}
	}
	h := newHistory(q, l.now())
	if err := l.runs.Each(ctx, q.Filter, h.add); err != nil {
		return nil, err
	}
	return h.result(), nil
}

// history counts runs into bins.
type history struct {
	start, interval int64 // in microseconds
	now             time.Time
	bins            []perState[taskrun.HistoryState]
}

func newHistory(q taskrun.HistoryQuery, now time.Time) *history {
	start, interval := q.Start.UnixMicro(), int64(q.Interval)
	n := 0
	if span := q.End.UnixMicro() - start; span > 0 {
		n = int(min((span-1)/interval+1, taskrun.MaxHistoryBins))
	}
	return &history{start: start, interval: interval, now: now, bins: make([]perState[taskrun.HistoryState], n)}
}

func (h *history) add(run *taskrun.Run) {
	if run.ExpectedStartTime == nil || run.State == nil {
		return
	}
	since := run.ExpectedStartTime.UnixMicro() - h.start
	if since < 0 || since/h.interval >= int64(len(h.bins)) {
		return
	}
	state := h.bins[since/h.interval].of(run.State)
	state.Count++
	state.RunTime.Add(run.EstimatedRunTime(h.now))
	state.Lateness.Add(run.EstimatedStartTimeDelta(h.now))
}

func (h *history) result() []taskrun.HistoryBin {
	bins := make([]taskrun.HistoryBin, 0, len(h.bins))
	for i := range h.bins {
		start := h.start + int64(i)*h.interval
		states := h.bins[i].values
		for j, key := range h.bins[i].keys {
			states[j].Type, states[j].Name = key.kind, key.name
		}
		slices.SortFunc(states, func(a, b taskrun.HistoryState) int {
			return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
		})
		bins = append(bins, taskrun.HistoryBin{
			Start: time.UnixMicro(start).UTC(), End: time.UnixMicro(min(start+h.interval, lastMicrosecond)).UTC(), States: states,
		})
	}
	return bins
}
