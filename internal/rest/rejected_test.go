package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// A permanent rejection by the API server is returned with its text, because a
// retry would fail again.
func TestRejection_byTheAPIServerIsReturnedWithItsText(t *testing.T) {
	t.Parallel()
	cases := map[taskrun.RejectionCause]struct {
		want     int
		wantText string
	}{
		taskrun.NamespaceMissing:     {http.StatusNotFound, "the <words>"},
		taskrun.NamespaceTerminating: {http.StatusForbidden, "the <words>"},
		taskrun.QuotaExceeded:        {http.StatusForbidden, "the <words>"},
		taskrun.AdmissionDenied:      {http.StatusForbidden, "the <words>"},
		taskrun.PermissionMissing:    {http.StatusForbidden, "The operator lacks a permission in Kubernetes: the <words>"},
	}
	for cause, tc := range cases {
		f := newFixture(t)
		f.store.Break(fmt.Errorf("writing: %w", taskrun.NewRejectedError(cause, "the <words>")))
		for name, use := range everyUse {
			if cause == taskrun.NamespaceMissing && !slices.Contains([]string{"create", "rename", "delete", "set state"}, name) {
				continue // only writes fail in a missing namespace
			}
			t.Run(string(cause)+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := f.ask(t, use.method, use.path, use.body)
				if got := sample.Member(t, w.Body.String(), "detail"); w.Code != tc.want || got != strconv.Quote(tc.wantText) {
					t.Errorf("answer = %d %s, want %d with %q", w.Code, w.Body, tc.want, tc.wantText)
				}
				if got := w.Header().Get("Retry-After"); got != "" {
					t.Errorf("Retry-After = %q, want none", got)
				}
			})
		}
	}
}

func TestRejection_causeIsInTheRequestLog(t *testing.T) {
	t.Parallel()
	cases := map[string]error{
		"rejected":    taskrun.NewRejectedError(taskrun.QuotaExceeded, "exceeded quota"),
		"unavailable": fmt.Errorf("connection refused: %w", taskrun.ErrUnavailable),
	}
	for name, err := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.store.Break(err)
			f.ask(t, http.MethodPost, "/task_runs/", `{"task_key":"k","dynamic_key":"d"}`)
			if got := f.log.String(); strings.Count(got, "request") != 1 || !strings.Contains(got, err.Error()) {
				t.Errorf("log:\n%s\nwant one line of the request with %q", got, err)
			}
		})
	}
}
