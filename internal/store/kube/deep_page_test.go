package kube

import (
	"context"
	"errors"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// The test is not parallel, because it uses all slots for deep pages.
func TestDeepPages_waitForEachOther(t *testing.T) {
	s := storeOf(objecttest.NewFleet().Objects(t, 10))
	deep := taskrun.Query{Offset: deepPage, Limit: 200}
	for range maxDeepPages {
		leave, err := enterDeepPage(t.Context(), &deep)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	allNamespaces := s.cluster.AllNamespaces()
	for name, query := range map[string]func(context.Context, taskrun.Query) (taskrun.Page, error){
		"a page of a namespace": s.Query, "of all": allNamespaces.Query,
	} {
		if _, err := query(ended, deep); !errors.Is(err, context.Canceled) {
			t.Errorf("a deep page %s does not wait: error %v", name, err)
		}
		if page, err := query(t.Context(), taskrun.Query{Limit: 5}); err != nil || len(page.Runs) != 5 {
			t.Errorf("a first page %s: %d runs, error %v", name, len(page.Runs), err)
		}
	}
}
