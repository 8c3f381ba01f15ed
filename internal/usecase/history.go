package usecase

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// History returns the bins in order, empty ones too; the states of a bin are
// ordered by type and name. All data is from one snapshot. It returns InvalidError
// for an interval that is too short.
func (l *Lister) History(ctx context.Context, q taskrun.HistoryQuery) ([]taskrun.HistoryBin, error) {
	h, err := taskrun.NewHistory(q.Window, l.now())
	if err != nil {
		return nil, err
	}
	if err := l.runs.Each(ctx, q.Filter, func(run *taskrun.Run) { h.Add(&run.Progress) }); err != nil {
		return nil, err
	}
	return h.Bins(), nil
}
