package usecase

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Lister has the use cases that read many runs, of one namespace or of all.
type Lister struct {
	runs  taskrun.Lister
	flows FlowSnapshots // nil: none are stored
	clock clock.PassiveClock
}

// FlowSnapshots returns the flows and flow runs of one moment. A flowrun.Store does.
type FlowSnapshots interface {
	Snapshot(ctx context.Context) (flowrun.Snapshot, error)
}

// NewLister returns the use cases that read many runs.
func NewLister(runs taskrun.Lister, clock clock.PassiveClock) *Lister {
	return &Lister{runs: runs, clock: clock}
}

// WithFlows returns the use cases for a program that stores flow runs.
func (l *Lister) WithFlows(flows FlowSnapshots) *Lister {
	with := *l
	with.flows = flows
	return &with
}

// Join adds to a filter on runs what the flow runs that are stored tell of it: the parents
// are the filters on the flow run, the flow and the deployment that runs belong to
// (contract §2.7). Without a store of flow runs, they match by what runs have of them.
func (l *Lister) Join(ctx context.Context, f *taskrun.Filter, parents flowrun.Filters) error {
	if l.flows == nil {
		f.Parents = parents.ParentsByID()
		return nil
	}
	if !parents.Given() && f.Subflows == nil {
		return nil
	}
	snapshot, err := l.flows.Snapshot(ctx)
	if err != nil {
		return err
	}
	joined, err := parents.Join(ctx, snapshot, l.runs.Each)
	if err != nil {
		return err
	}
	*f = flowrun.WithSubflows(*f, snapshot)
	f.Parents = parents.Parents(snapshot, joined)
	return nil
}

// Query returns the runs that match, sorted and paged.
func (l *Lister) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	q.Now = l.now()
	return l.runs.Query(ctx, q)
}

// now returns the time with the precision that clients see.
func (l *Lister) now() time.Time {
	return l.clock.Now().UTC().Truncate(time.Microsecond)
}
