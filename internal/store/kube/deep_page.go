package kube

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// deepPage is the offset from which a page is deep: the sort needs memory for each
	// run that precedes it.
	deepPage = 10_000
	// maxDeepPages is the maximum number of concurrent queries for deep pages. More
	// would not be faster: the sorts keep the cores busy.
	maxDeepPages = 4
)

// deepPages has a token for each query for a deep page.
var deepPages = make(chan struct{}, maxDeepPages)

// enterDeepPage waits until the query may start, or the context ends. The caller calls
// leave in any case.
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
