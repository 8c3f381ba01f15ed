package kube

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// deepPage is the offset from which a page is deep: what is sorted for it takes
	// memory for each run that comes before it.
	deepPage = 10_000
	// maxDeepPages is how many are looked for at once. More would not be found
	// sooner: to sort them keeps the cores busy.
	maxDeepPages = 4
)

// deepPages has a token for each deep page that is looked for.
var deepPages = make(chan struct{}, maxDeepPages)

// enterDeepPage waits until a page may be looked for, or the context ends. leave is
// called afterwards in any case.
func enterDeepPage(ctx context.Context, q *taskrun.Query) (leave func(), err error) {
	if q.Offset < deepPage {
		return func() {}, nil
	}
	select {
	case deepPages <- struct{}{}:
		return func() { <-deepPages }, nil
	case <-ctx.Done():
		return func() {}, ctx.Err()
	}
}
