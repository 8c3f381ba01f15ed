package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// testEndedContext reads for a client that has disconnected.
func testEndedContext(t *testing.T, s taskrun.Store) {
	t.Helper()
	library(t, s)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f := taskrun.Filter{Name: &taskrun.NameFilter{Like: "a"}}
	_, queried := s.Query(ended, taskrun.Query{Filter: f, Limit: 200})
	_, counted := s.Count(ended, f)
	visited := s.Each(ended, f, func(*taskrun.Run) { t.Error("a run is visited after the end of the context") })
	for name, err := range map[string]error{"Query": queried, "Count": counted, "Each": visited} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s() = %v, want %v", name, err, context.Canceled)
		}
	}
}
