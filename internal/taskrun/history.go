package taskrun

import (
	"cmp"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// lastMicrosecond is the latest time that the wire can represent.
var lastMicrosecond = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()

// History counts runs, of tasks or of flows, into the bins of a window (contract §2.11).
type History struct {
	start, interval int64 // in microseconds
	now             time.Time
	bins            []PerState[HistoryState]
}

// NewHistory returns a history without runs. now is the time for which run times are
// computed. It returns InvalidError for an interval that is too short.
func NewHistory(w Window, now time.Time) (*History, error) {
	if w.Interval < MinHistoryInterval {
		return nil, &InvalidError{Field: "history_interval_seconds", Reason: "must not be less than 1 second"}
	}
	start, interval := w.Start.UnixMicro(), int64(w.Interval)
	n := 0
	if span := w.End.UnixMicro() - start; span > 0 {
		n = int(min((span-1)/interval+1, MaxHistoryBins))
	}
	return &History{start: start, interval: interval, now: now, bins: make([]PerState[HistoryState], n)}, nil
}

// Add counts a run into the bin of its expected start time.
func (h *History) Add(run *orchestration.Progress) {
	if run.ExpectedStartTime == nil || run.State == nil {
		return
	}
	since := run.ExpectedStartTime.UnixMicro() - h.start
	if since < 0 || since/h.interval >= int64(len(h.bins)) {
		return
	}
	state := h.bins[since/h.interval].Of(run.State)
	state.Count++
	state.RunTime.Add(run.EstimatedRunTime(h.now))
	state.Lateness.Add(run.EstimatedStartTimeDelta(h.now))
}

// Bins returns the bins in order, empty ones too. The states of a bin are ordered by type
// and name.
func (h *History) Bins() []HistoryBin {
	bins := make([]HistoryBin, 0, len(h.bins))
	for i := range h.bins {
		start := h.start + int64(i)*h.interval
		var states []HistoryState
		for state, counted := range h.bins[i].All() {
			counted.Type, counted.Name = state.Type, state.Name
			states = append(states, *counted)
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
