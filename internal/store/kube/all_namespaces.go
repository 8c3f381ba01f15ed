package kube

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// AllNamespaces lists the runs of all namespaces. A list is of one snapshot of each
// namespace, not of one of all.
type AllNamespaces struct{ cluster *Cluster }

var _ taskrun.Lister = (*AllNamespaces)(nil)

// AllNamespaces returns the lists of the runs of all namespaces.
func (c *Cluster) AllNamespaces() *AllNamespaces { return &AllNamespaces{c} }

// Query returns the matching runs of all namespaces.
func (a *AllNamespaces) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	leave, err := enterDeepPage(ctx, &q)
	defer leave()
	if err != nil {
		return taskrun.Page{}, err
	}
	// All runs of the page can be of one namespace.
	first := q
	first.Offset, first.Limit = 0, max(q.Offset, 0)+max(q.Limit, 0)
	var runs []*taskrun.Run
	total := 0
	err = a.visit(ctx, func(s *Store) error {
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

// Each calls visit for each matching run of all namespaces.
func (a *AllNamespaces) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	return a.visit(ctx, func(s *Store) error { return s.Each(ctx, f, visit) })
}

// Count returns the number of matching runs of all namespaces.
func (a *AllNamespaces) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	total := 0
	err := a.visit(ctx, func(s *Store) error {
		n, err := s.Count(ctx, f)
		total += n
		return err
	})
	return total, err
}

func (a *AllNamespaces) visit(ctx context.Context, each func(*Store) error) error {
	for _, namespace := range a.cluster.Namespaces() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(a.cluster.Namespace(namespace)); err != nil {
			return err
		}
	}
	return nil
}
