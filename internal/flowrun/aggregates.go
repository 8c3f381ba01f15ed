package flowrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Bins returns the bins of the history in order, empty ones too (contract §2.11). now is
// the time for which run times are computed. It returns *taskrun.InvalidError for an
// interval that is too short.
func (q *HistoryQuery) Bins(s Snapshot, joined Joined, now time.Time) ([]taskrun.HistoryBin, error) {
	history, err := taskrun.NewHistory(q.Window, now)
	if err != nil {
		return nil, err
	}
	for run := range q.Matching(s, joined) {
		history.Add(&run.Progress)
	}
	return history.Bins(), nil
}

// Lateness returns the mean of how late the runs that match started, or are by now, in
// seconds (flows contract §5). It is false if no run matches.
func (f *Filters) Lateness(s Snapshot, joined Joined, now time.Time) (mean float64, found bool) {
	var sum taskrun.Seconds
	n := 0
	for run := range f.Matching(s, joined) {
		sum.Add(run.EstimatedStartTimeDelta(now))
		n++
	}
	if n == 0 {
		return 0, false
	}
	return sum.Float() / float64(n), true
}
