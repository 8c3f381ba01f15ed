package kube

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Lists of all namespaces equal those of one namespace with all the runs.
func TestAllNamespaces_listsEqualThoseOfOneNamespace(t *testing.T) {
	t.Parallel()
	c := objecttest.Crowd{Random: storetest.NewRandom(9, 5), PlainIDs: true}
	var together, apart []*v1alpha1.TaskRun
	for n := range 3*128 + 5 {
		o := c.Object(n, 0, n+1)
		together = append(together, o)
		elsewhere := o.DeepCopy()
		elsewhere.Namespace = "namespace-" + strconv.Itoa(n%4)
		apart = append(apart, elsewhere)
	}
	one := storeOf(together)
	allNamespaces := storeOf(apart).cluster.AllNamespaces()
	for range 500 {
		q := c.Query()
		if diff := cmp.Diff(answered(t, one, q), answered(t, allNamespaces, q)); diff != "" {
			t.Fatalf("%+v (-one +allNamespaces):\n%s", q, diff)
		}
	}
}

// told holds all results of a query.
type told struct {
	IDs            []string
	Total, Counted int
	Visited        map[string]bool
}

func answered(t *testing.T, s taskrun.Lister, q taskrun.Query) told {
	t.Helper()
	page, err := s.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	a := told{Total: page.Total, Visited: map[string]bool{}}
	for _, run := range page.Runs {
		a.IDs = append(a.IDs, run.ID)
	}
	if a.Counted, err = s.Count(t.Context(), q.Filter); err != nil {
		t.Fatal(err)
	}
	if err := s.Each(t.Context(), q.Filter, func(run *taskrun.Run) { a.Visited[run.ID] = true }); err != nil {
		t.Fatal(err)
	}
	return a
}
