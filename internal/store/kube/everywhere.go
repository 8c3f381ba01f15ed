package kube

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Everywhere is a store whose lists are of all namespaces; each namespace is seen
// at one moment, not all of them at the same. All else is done in one namespace.
type Everywhere struct{ *Store }

// Everywhere returns the store that lists all namespaces, with one for all else.
func (c *Cluster) Everywhere(home string) *Everywhere { return &Everywhere{c.Namespace(home)} }

// Query returns the runs of all namespaces that match.
func (e *Everywhere) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	leave, err := enterDeepPage(ctx, &q)
	defer leave()
	if err != nil {
		return taskrun.Page{}, err
	}
	// Of each namespace at most all that comes before the end of the page is in it.
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

// Each visits the runs of all namespaces that match.
func (e *Everywhere) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	return e.visit(ctx, func(s *Store) error { return s.Each(ctx, f, visit) })
}

// Count returns how many runs of all namespaces match.
func (e *Everywhere) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	total := 0
	err := e.visit(ctx, func(s *Store) error {
		n, err := s.Count(ctx, f)
		total += n
		return err
	})
	return total, err
}

func (e *Everywhere) visit(ctx context.Context, each func(*Store) error) error {
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
