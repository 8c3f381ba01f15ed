package index

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Query returns the page of the runs that match. It ends with the context.
func (n *NamespaceIndex) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	if runs, few := n.candidates(q.Filter); few {
		return q.Page(runs), nil
	}
	return n.snapshot().page(ctx, q)
}

// Each calls visit for each run that matches, in no order. It ends with the context.
func (n *NamespaceIndex) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	runs, few := n.candidates(f)
	if !few {
		return n.snapshot().each(ctx, f, visit)
	}
	for i, run := range runs {
		if i%blockSize == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		visit(run)
	}
	return nil
}

// Count returns the number of runs that match. It ends with the context.
func (n *NamespaceIndex) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	if runs, few := n.candidates(f); few {
		return len(runs), nil
	}
	return n.snapshot().count(ctx, f)
}

// ChangedSince returns the runs that changed at or after a time. It reads one column
// of all runs, and no other run.
func (n *NamespaceIndex) ChangedSince(since time.Time) []*taskrun.Run {
	return n.snapshot().changedSince(since)
}

// candidates returns the runs that match a filter by id. The result is false if the
// filter needs a scan of all runs.
func (n *NamespaceIndex) candidates(f taskrun.Filter) ([]*taskrun.Run, bool) {
	if f.ID == nil || f.ID.Any == nil || f.Or {
		return nil, false
	}
	named := n.withIDs(f.ID.Any)
	f.ID = nil
	match, runs := f.Matcher(), named[:0]
	for _, run := range named {
		if match(run) {
			runs = append(runs, run)
		}
	}
	return runs, true
}
