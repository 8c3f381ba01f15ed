package flows

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Lister has the use cases that read many flows and flow runs (flows contract §5). What
// one call returns is of one moment, except for the task runs that filters join.
type Lister struct {
	snapshots usecase.FlowSnapshots
	taskRuns  TaskRuns
	clock     clock.PassiveClock
}

// Query returns the runs that match, sorted and paged. A run whose parent task run is not
// cached has none (see Service.Get): it was deleted, or is about to be known here.
func (l *Lister) Query(ctx context.Context, q flowrun.Query) (flowrun.Page, error) {
	snapshot, joined, err := l.read(ctx, &q.Filters)
	if err != nil {
		return flowrun.Page{}, err
	}
	page := q.Page(snapshot, joined)
	for i, run := range page.Runs {
		if run.ParentTaskRunID != "" && !l.taskRuns.Known(run.ParentTaskRunID) {
			page.Runs[i] = orphan(run)
		}
	}
	return page, nil
}

// Count returns the number of runs that match.
func (l *Lister) Count(ctx context.Context, f flowrun.Filters) (int, error) {
	snapshot, joined, err := l.read(ctx, &f)
	if err != nil {
		return 0, err
	}
	return f.Count(snapshot, joined), nil
}

// History returns the bins in order, empty ones too (contract §2.11). *InvalidError for an
// interval that is too short.
func (l *Lister) History(ctx context.Context, q flowrun.HistoryQuery) ([]taskrun.HistoryBin, error) {
	snapshot, joined, err := l.read(ctx, &q.Filters)
	if err != nil {
		return nil, err
	}
	return q.Bins(snapshot, joined, l.now())
}

// Lateness returns the mean of how late the runs that match started, or are by now, in
// seconds. It is nil if no run matches.
func (l *Lister) Lateness(ctx context.Context, f flowrun.Filters) (*float64, error) {
	snapshot, joined, err := l.read(ctx, &f)
	if err != nil {
		return nil, err
	}
	mean, found := f.Lateness(snapshot, joined, l.now())
	if !found {
		return nil, nil //nolint:nilnil // see above
	}
	return &mean, nil
}

// QueryFlows returns the flows that match, sorted and paged.
func (l *Lister) QueryFlows(ctx context.Context, q flowrun.FlowQuery) (flowrun.FlowPage, error) {
	snapshot, joined, err := l.read(ctx, &q.Filters)
	if err != nil {
		return flowrun.FlowPage{}, err
	}
	return q.Page(snapshot, joined), nil
}

// CountFlows returns the number of flows that match.
func (l *Lister) CountFlows(ctx context.Context, f flowrun.Filters) (int, error) {
	snapshot, joined, err := l.read(ctx, &f)
	if err != nil {
		return 0, err
	}
	return f.CountFlows(snapshot, joined), nil
}

// read returns the flows and runs, and what the filters need to know of task runs.
func (l *Lister) read(ctx context.Context, f *flowrun.Filters) (flowrun.Snapshot, flowrun.Joined, error) {
	snapshot, err := l.snapshots.Snapshot(ctx)
	if err != nil {
		return nil, flowrun.Joined{}, err
	}
	joined, err := f.Join(ctx, snapshot, l.taskRuns.Each)
	return snapshot, joined, err
}

// now is the time in the precision that clients see.
func (l *Lister) now() time.Time { return l.clock.Now().UTC().Truncate(time.Microsecond) }
