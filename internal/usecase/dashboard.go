package usecase

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Dashboard counts the finished runs by their start time. The window begins
// with the minute of Filter.StartTime.After and ends with the minute of Before,
// or of now if Before is not set. The terminal states replace a state filter. A
// start outside the window counts at its nearer end; a run that never started
// does not count (contract §1.5). It returns InvalidError if After is not set.
func (l *Lister) Dashboard(ctx context.Context, f taskrun.Filter) ([taskrun.DashboardBuckets]taskrun.DashboardBucket, error) {
	if f.StartTime == nil || f.StartTime.After == nil {
		return [taskrun.DashboardBuckets]taskrun.DashboardBucket{}, &taskrun.InvalidError{Field: "task_runs.start_time.after_", Reason: "is required"}
	}
	end := l.now()
	if f.StartTime.Before != nil {
		end = *f.StartTime.Before
	}
	d := newDashboard(*f.StartTime.After, end)
	f.State = &taskrun.StateFilter{Types: terminalStates}
	err := l.runs.Each(ctx, f, d.add)
	return d.buckets, err
}

var terminalStates = []orchestration.StateType{
	orchestration.Completed, orchestration.Cancelled, orchestration.Failed, orchestration.Crashed,
}

// dashboard counts runs into buckets.
type dashboard struct {
	start, width int64 // in microseconds
	buckets      [taskrun.DashboardBuckets]taskrun.DashboardBucket
}

func newDashboard(from, to time.Time) *dashboard {
	const minute = 60 * int64(time.Second/time.Microsecond)
	start := floor(from.UnixMicro(), minute)
	window := floor(to.UnixMicro(), minute) + minute - 1 - start
	// A window that ends before it begins has one bucket for all runs.
	return &dashboard{start: start, width: max((window+taskrun.DashboardBuckets/2)/taskrun.DashboardBuckets, 1)}
}

// floor returns the largest multiple of unit that is at most n.
func floor(n, unit int64) int64 {
	return n - ((n%unit)+unit)%unit
}

func (d *dashboard) add(run *taskrun.Run) {
	if run.StartTime == nil || run.State == nil {
		return
	}
	bucket := &d.buckets[min(max((run.StartTime.UnixMicro()-d.start)/d.width, 0), taskrun.DashboardBuckets-1)]
	if run.State.Type == orchestration.Failed || run.State.Type == orchestration.Crashed {
		bucket.Failed++
	} else {
		bucket.Completed++
	}
}
