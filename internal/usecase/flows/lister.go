package flows

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Lister has the use cases that read many flows and flow runs (flows contract §5). What
// one call returns is of one moment, except for the task runs that filters join.
type Lister struct {
	store    flowrun.Store
	taskRuns TaskRuns
	clock    clock.PassiveClock
}

// Query returns the runs that match, sorted and paged, with all their parts. A run whose
// parent task run is not cached has none (see Service.Get): it was deleted, or is about to
// be known here.
func (l *Lister) Query(ctx context.Context, q flowrun.Query) (flowrun.Page, error) {
	page, err := l.page(ctx, q)
	if err == nil {
		page.Runs, err = l.loaded(ctx, page.Runs)
	}
	return page, err
}

// page is Query without the parts of the runs that are stored apart.
func (l *Lister) page(ctx context.Context, q flowrun.Query) (flowrun.Page, error) {
	snapshot, joined, err := l.read(ctx, &q.Filters)
	if err != nil {
		return flowrun.Page{}, err
	}
	page := q.Page(snapshot, joined)
	for i, run := range page.Runs {
		if run.ParentTaskRunID != "" && l.taskRuns.Cached(run.ParentTaskRunID) == nil {
			page.Runs[i] = orphan(run)
		}
	}
	return page, nil
}

// maxLoads is the number of runs of a page whose parts are read at the same time.
const maxLoads = 8

// loaded returns the runs with the parts that are stored apart. Most runs have none. A run
// that was deleted since is left out.
func (l *Lister) loaded(ctx context.Context, runs []*flowrun.Run) ([]*flowrun.Run, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLoads)
	for i, run := range runs {
		if run.Unloaded == (flowrun.Parts{}) {
			continue
		}
		group.Go(func() (err error) {
			runs[i], err = l.load(ctx, run)
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(runs, func(run *flowrun.Run) bool { return run == nil }), err
}

// load returns the run with its parts, as it is now if they were replaced since; nil if it
// was deleted.
func (l *Lister) load(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	loaded, err := l.store.Load(ctx, run)
	if errors.Is(err, taskrun.ErrConflict) {
		loaded, err = l.store.Get(ctx, run.ID)
	}
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil, nil //nolint:nilnil // it was deleted
	}
	return loaded, err
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

// NextRuns returns, by flow, the SCHEDULED run that starts first. Flows without one are missing.
func (l *Lister) NextRuns(ctx context.Context, flowIDs []string) (map[string]*flowrun.Run, error) {
	snapshot, err := l.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	next := map[string]*flowrun.Run{}
	for _, id := range flowIDs {
		for run := range snapshot.RunsOf(id) {
			if run.State == nil || run.State.Type != orchestration.Scheduled || run.NextScheduledStartTime == nil {
				continue
			}
			if first := next[id]; first == nil || run.NextScheduledStartTime.Before(*first.NextScheduledStartTime) {
				next[id] = run
			}
		}
	}
	return next, nil
}

// read returns the flows and runs, and what the filters need to know of task runs.
func (l *Lister) read(ctx context.Context, f *flowrun.Filters) (flowrun.Snapshot, flowrun.Joined, error) {
	snapshot, err := l.store.Snapshot(ctx)
	if err != nil {
		return nil, flowrun.Joined{}, err
	}
	joined, err := f.Join(ctx, snapshot, l.taskRuns.Each)
	return snapshot, joined, err
}

// now is the time in the precision that clients see.
func (l *Lister) now() time.Time { return l.clock.Now().UTC().Truncate(time.Microsecond) }
