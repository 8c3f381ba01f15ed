package kube

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AllNamespaces is a store whose Query, Each and Count are of all namespaces. They read
// one snapshot of each namespace, not one of all. All other methods are of one namespace.
type AllNamespaces struct{ *Store }

// AllNamespaces returns the store that lists all namespaces. Its other methods are of
// the home namespace.
func (c *Cluster) AllNamespaces(home string) *AllNamespaces { return &AllNamespaces{c.Namespace(home)} }

// Query returns the runs of all namespaces that match.
func (e *AllNamespaces) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	leave, err := enterDeepPage(ctx, &q)
	defer leave()
	if err != nil {
		return taskrun.Page{}, err
	}
	// The page can have all runs of one namespace that precede its end.
	first := q
	first.Offset, first.Limit = 0, max(q.Offset, 0)+max(q.Limit, 0)
	var runs []*taskrun.Run
	total := 0
	err = e.visit(ctx, func(s *Store) error {
		page, err := s.query(ctx, first)
		runs, total = append(runs, page.Runs...), total+page.Total
		return err
	})
	if err != nil {
		return taskrun.Page{}, err
	}
	page := q.Page(runs)
	page.Total = total
	return page, nil
}

// Each calls visit for each run of all namespaces that matches.
func (e *AllNamespaces) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	return e.visit(ctx, func(s *Store) error { return s.Each(ctx, f, visit) })
}

// Count returns the number of runs of all namespaces that match.
func (e *AllNamespaces) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	total := 0
	err := e.visit(ctx, func(s *Store) error {
		n, err := s.Count(ctx, f)
		total += n
		return err
	})
	return total, err
}

func (e *AllNamespaces) visit(ctx context.Context, each func(*Store) error) error {
	for _, namespace := range e.cluster.Namespaces() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(e.cluster.Namespace(namespace)); err != nil {
			return err
		}
	}
	return nil
}
