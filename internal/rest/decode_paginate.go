package rest

import (
	"math"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// decodePaginate reads the parameters of paginate: those of filter, but with a
// page, counted from 1, instead of an offset (contract §1.4).
func decodePaginate(body pyjson.Value) (a listRequest, page int) {
	page = 1
	a = decodeQuery(body, "page", func(n validate.Node, q *taskrun.Query) {
		page = n.AtLeast(1)
		q.Offset = product(page-1, q.Limit)
	})
	a.query.Counted = true
	return a, page
}

// product multiplies numbers that are not negative; the largest int stands for
// more.
func product(a, b int) int {
	if b > 0 && a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}
