package kube

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// newCluster returns a Cluster without a watch, whose calls a handler serves.
func newCluster(t *testing.T, timeout time.Duration, handler http.HandlerFunc) *Cluster {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(v1alpha1.GroupVersion.WithKind("TaskRun"), meta.RESTScopeNamespace)
	config := &rest.Config{Host: server.URL, QPS: -1}
	general, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	direct, err := NewDirect(config, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	ingest := NewIngest(nil, nil)
	return &Cluster{
		Options: Options{Direct: direct, Client: general, Reader: general, Timeout: timeout},
		index:   ingest.index,
		watches: ingest.watches,
		synced:  func() bool { return true },
		limits:  &limitIndex{synced: func() bool { return true }},
		flows:   &flowIndex{},
	}
}

// respond responds with an object or a text.
func respond(t *testing.T, w http.ResponseWriter, code int, body any) {
	t.Helper()
	text, page := body.(string)
	if page {
		w.Header().Set("Content-Type", "text/plain")
	} else {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Error(err)
		}
		text = string(encoded)
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(code)
	if _, err := io.WriteString(w, text); err != nil {
		t.Error(err)
	}
}

// everyCall holds the calls of a store to the API server, for a run that the
// index has.
func everyCall(s *Store) map[string]func(context.Context) error {
	run := s.index.PutObject(objecttest.Version("x", "u", 7, objecttest.WithID(idA)))
	return map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error {
			_, err := s.Create(ctx, &taskrun.Run{ID: idB})
			return err
		},
		"Get of an unknown run": func(ctx context.Context) error { _, err := s.Get(ctx, idB); return err },
		"Reload":                func(ctx context.Context) error { _, err := s.Reload(ctx, run); return err },
		"UpdateProgress":        func(ctx context.Context) error { _, err := s.UpdateProgress(ctx, run); return err },
		"Rename":                func(ctx context.Context) error { return s.Rename(ctx, idA, "new", run.Created) },
		"Delete":                func(ctx context.Context) error { return s.Delete(ctx, idA, nil) },
		"Delete of a version":   func(ctx context.Context) error { return s.Delete(ctx, idA, &run.Ref) },
		"Ready":                 s.Ready,
	}
}

// A rename of a run on hold writes no state, because the status is still to be
// restored.
func TestRename_keepsTheHold(t *testing.T) {
	t.Parallel()
	requests := &recorded{}
	held := func(version int) *v1alpha1.TaskRun {
		o := objecttest.Version("x", "u", version, objecttest.WithID(idA))
		o.Annotations = map[string]string{v1alpha1.AnnotationHold: ""}
		return o
	}
	s := newCluster(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		requests.add(t, r)
		respond(t, w, http.StatusOK, held(8))
	}).Namespace("default")
	run := s.index.PutObject(held(7))
	if err := s.Rename(t.Context(), idA, "new", run.Created.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"TaskRun","apiVersion":"taskrun.dev/v1alpha1","metadata":{"name":"x","namespace":"default","uid":"u","resourceVersion":"7"},` +
		`"status":{"id":"` + idA + `","name":"new","effective":{"nameReplaces":"706eaf06152df8c6"},"updatedTime":"2026-08-21T10:00:01.000000Z"}}`
	if diff := cmp.Diff(decoded(t, want), decoded(t, strings.Join(requests.bodies, "\n"))); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if run := s.index.ByID(idA); !run.OnHold || run.Name != "new" || !run.StatusStale {
		t.Errorf("run %+v, want it on hold by its new name", run)
	}
}

// For any failure of the API server, each call ends within its timeout with
// ErrUnavailable, and the index does not change.
func TestCalls_failingAPIServer(t *testing.T) {
	t.Parallel()
	failures := map[string]http.HandlerFunc{
		"it does not respond": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // to notice the end of the connection
			<-r.Context().Done()
		},
		"it closes the connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"it has no routes yet":     func(w http.ResponseWriter, _ *http.Request) { respond(t, w, http.StatusNotFound, "404 page not found") },
		"its storage fails":        func(w http.ResponseWriter, _ *http.Request) { respond(t, w, http.StatusInternalServerError, "etcd") },
		"it returns HTML":          func(w http.ResponseWriter, _ *http.Request) { respond(t, w, http.StatusOK, "<html>") },
	}
	const timeout, patience = 50 * time.Millisecond, time.Minute
	for name, handler := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCluster(t, timeout, handler).Namespace("default")
			for call, do := range everyCall(s) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				err := do(ctx)
				if ctx.Err() != nil {
					t.Errorf("%s took longer than %s", call, patience)
				}
				cancel()
				if !errors.Is(err, taskrun.ErrUnavailable) || errors.Is(err, taskrun.ErrNotFound) {
					t.Errorf("%s: error %v, want ErrUnavailable", call, err)
				}
			}
			if run, err := s.Get(t.Context(), idA); err != nil || run.Ref.ResourceVersion != "7" {
				t.Errorf("the run is lost from the index: %v, error %v", run, err)
			}
		})
	}
}

// recorded holds the requests to a handler.
type recorded struct {
	sync.Mutex
	lines  []string
	bodies []string
}

func (r *recorded) add(t *testing.T, request *http.Request) {
	t.Helper()
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Error(err)
	}
	r.Lock()
	defer r.Unlock()
	path := strings.TrimPrefix(request.URL.Path, "/apis/taskrun.dev/v1alpha1/namespaces/default/")
	r.lines = append(r.lines, request.Method+" "+path)
	r.bodies = append(r.bodies, strings.TrimSpace(string(body)))
}

func TestRequests_ofEachCall(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.August, 21, 10, 0, 0, 123456789, time.FixedZone("", 3600))
	cases := map[string]struct {
		call     func(context.Context, *Store, *taskrun.Run) error
		wantLine string
		wantBody string
	}{
		"a write of progress sends only the status": {
			call: func(ctx context.Context, s *Store, run *taskrun.Run) error {
				next := *run
				next.State = &orchestration.State{ID: stateB, Type: orchestration.Running, Name: "Running", Timestamp: at}
				next.Updated = at
				next.RunCount = 1
				_, err := s.UpdateProgress(ctx, &next)
				return err
			},
			wantLine: "PUT taskruns/x/status",
			wantBody: `{"kind":"TaskRun","apiVersion":"taskrun.dev/v1alpha1",` +
				`"metadata":{"name":"x","namespace":"default","uid":"u","resourceVersion":"7"},` +
				`"status":{"conditions":[` +
				`{"type":"Succeeded","status":"Unknown","observedGeneration":1,"lastTransitionTime":"2026-08-21T09:00:00Z","reason":"Running","message":""},` +
				`{"type":"Finished","status":"False","observedGeneration":1,"lastTransitionTime":"2026-08-21T09:00:00Z","reason":"Running","message":""}],` +
				`"observedGeneration":1,"state":{"id":"` + stateB + `","type":"RUNNING","name":"Running","timestamp":"2026-08-21T09:00:00.123456Z"},` +
				`"id":"0198a1b2-0000-7000-8000-00000000000a","name":"version 7","runCount":1,"expectedStartTime":"2026-08-21T10:00:00.000000Z","updatedTime":"2026-08-21T09:00:00.123456Z"}}`,
		},
		"a rename, by a clock that is behind": {
			call: func(ctx context.Context, s *Store, run *taskrun.Run) error {
				return s.Rename(ctx, run.ID, `new "name"`, at)
			},
			wantLine: "PUT taskruns/x/status",
			wantBody: `{"kind":"TaskRun","apiVersion":"taskrun.dev/v1alpha1",` +
				`"metadata":{"name":"x","namespace":"default","uid":"u","resourceVersion":"7"},` +
				`"status":{"conditions":[` +
				`{"type":"Succeeded","status":"Unknown","observedGeneration":1,"lastTransitionTime":"2026-08-21T10:00:00Z","reason":"Pending","message":""},` +
				`{"type":"Finished","status":"False","observedGeneration":1,"lastTransitionTime":"2026-08-21T10:00:00Z","reason":"Pending","message":""}],` +
				`"observedGeneration":1,"state":{"id":"e53aca71-4805-5fe0-abd5-c21a84508b13","type":"PENDING","name":"Pending","timestamp":"2026-08-21T10:00:00.000000Z","stateDetails":{"deferred":false}},` +
				`"id":"0198a1b2-0000-7000-8000-00000000000a","name":"new \"name\"","effective":{"nameReplaces":"706eaf06152df8c6"},` +
				`"expectedStartTime":"2026-08-21T10:00:00.000000Z","updatedTime":"2026-08-21T10:00:00.000001Z"}}`,
		},
		"a deletion of this object": {
			call:     func(ctx context.Context, s *Store, run *taskrun.Run) error { return s.Delete(ctx, run.ID, nil) },
			wantLine: "DELETE taskruns/x",
			wantBody: `{"kind":"DeleteOptions","apiVersion":"taskrun.dev/v1alpha1","preconditions":{"uid":"u"}}`,
		},
		"a deletion of a version": {
			call: func(ctx context.Context, s *Store, run *taskrun.Run) error {
				return s.Delete(ctx, run.ID, &run.Ref)
			},
			wantLine: "DELETE taskruns/x",
			wantBody: `{"kind":"DeleteOptions","apiVersion":"taskrun.dev/v1alpha1","preconditions":{"uid":"u","resourceVersion":"7"}}`,
		},
		"a read of an indexed run makes no call": {
			call: func(ctx context.Context, s *Store, run *taskrun.Run) error {
				_, getErr := s.Get(ctx, run.ID)
				_, findErr := s.Find(ctx, run.NaturalKey())
				_, _, stateErr := s.State(ctx, run.State.ID)
				_, queryErr := s.Query(ctx, taskrun.Query{Limit: 1})
				return errors.Join(getErr, findErr, stateErr, queryErr)
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := &recorded{}
			s := newCluster(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
				requests.add(t, r)
				respond(t, w, http.StatusOK, objecttest.Version("x", "u", 8, objecttest.WithID(idA)))
			}).Namespace("default")
			run := s.index.PutObject(objecttest.Version("x", "u", 7, objecttest.WithID(idA)))
			if err := tc.call(t.Context(), s, run); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.wantLine, strings.Join(requests.lines, "\n")); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(decoded(t, tc.wantBody), decoded(t, strings.Join(requests.bodies, "\n"))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// decoded returns the value of a JSON text, nil for none.
func decoded(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("reading %s: %v", text, err)
	}
	return value
}

// Until the index is complete, a missing run may still arrive; only existing
// ones can be returned.
func TestIncompleteIndex_reportsNoRunAsMissing(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		respond(t, w, http.StatusNotFound, map[string]any{
			"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": http.StatusNotFound,
			"details": map[string]any{"name": "x", "kind": "taskruns"},
		})
	})
	s := cluster.Namespace("default")
	known := s.index.PutObject(objecttest.Version("x", "u", 7, objecttest.WithID(idA)))
	reads := map[string]func() error{
		"Get":    func() error { _, err := s.Get(t.Context(), idB); return err },
		"Find":   func() error { _, err := s.Find(t.Context(), taskrun.NaturalKey{TaskKey: "none"}); return err },
		"State":  func() error { _, _, err := s.State(t.Context(), stateB); return err },
		"Rename": func() error { return s.Rename(t.Context(), idB, "new", known.Created) },
		"Delete": func() error { return s.Delete(t.Context(), idB, nil) },
	}
	for name, read := range reads {
		cluster.synced = func() bool { return true }
		if err := read(); !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s with a complete index: error %v, want ErrNotFound", name, err)
		}
		cluster.synced = func() bool { return false }
		if err := read(); !errors.Is(err, taskrun.ErrUnavailable) || errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s with an incomplete index: error %v, want ErrUnavailable", name, err)
		}
	}
	whole := map[string]func() error{
		"Query":  func() error { _, err := s.Query(t.Context(), taskrun.Query{}); return err },
		"Count":  func() error { _, err := s.Count(t.Context(), taskrun.Filter{}); return err },
		"Create": func() error { _, err := s.Create(t.Context(), &taskrun.Run{ID: idB}); return err },
		"Ready":  func() error { return s.Ready(t.Context()) },
	}
	for name, read := range whole {
		if err := read(); !errors.Is(err, taskrun.ErrUnavailable) {
			t.Errorf("%s with an incomplete index: error %v, want ErrUnavailable", name, err)
		}
	}
	if run, err := s.Get(t.Context(), idA); err != nil || run != known {
		t.Errorf("Get() of a run that is known: %v, error %v", run, err)
	}
}

func TestReady_callsAtMostOncePerSecond(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC))
	var mu sync.Mutex
	code, asked := http.StatusOK, 0
	cluster := newCluster(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		respond(t, w, code, objecttest.Version("readiness-probe", "u", 1))
	})
	cluster.Clock = clock
	s := cluster.Namespace("default")
	steps := []struct {
		code      int
		wait      time.Duration
		wantReady bool
		wantAsked int
	}{
		{code: http.StatusOK, wantReady: true, wantAsked: 1},
		{code: http.StatusInternalServerError, wait: 999 * time.Millisecond, wantReady: true, wantAsked: 1},
		{code: http.StatusInternalServerError, wait: time.Millisecond, wantAsked: 2},
		{code: http.StatusOK, wantAsked: 2},
		{code: http.StatusOK, wait: time.Second, wantReady: true, wantAsked: 3},
		{code: http.StatusInternalServerError, wait: -time.Hour, wantAsked: 4}, // the clock was set back
	}
	for i, step := range steps {
		mu.Lock()
		code = step.code
		mu.Unlock()
		clock.SetTime(clock.Now().Add(step.wait))
		err := s.Ready(t.Context())
		if (err == nil) != step.wantReady || asked != step.wantAsked {
			t.Errorf("step %d: error %v after %d calls, want ready %v after %d", i, err, asked, step.wantReady, step.wantAsked)
		}
	}
}

// A caller that disconnects during the call does not make the API server count
// as unavailable.
func TestReady_doesNotDependOnTheCaller(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		respond(t, w, http.StatusOK, objecttest.Version("readiness-probe", "u", 1))
	})
	cluster.Clock = testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC))
	left, leave := context.WithCancel(t.Context())
	leave()
	if err := cluster.Namespace("default").Ready(left); err != nil {
		t.Errorf("Ready() = %v", err)
	}
}

// An API server that is starting does not know its roles, so a permission that
// it denies then is not missing.
func TestTranslate_permissionIsMissingOnlyIfTheAPIServerIsReady(t *testing.T) {
	t.Parallel()
	for name, readiness := range map[string]int{"ready": http.StatusOK, "starting": http.StatusInternalServerError} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "taskruns"}
			forbids := apierrors.NewForbidden(runs, "x", errors.New(`User "u" cannot get resource "taskruns"`)).ErrStatus
			forbids.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
			c := newCluster(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/readyz" {
					respond(t, w, readiness, "ok")
					return
				}
				respond(t, w, http.StatusForbidden, forbids)
			})
			for call, do := range everyCall(c.Namespace("n")) {
				err := do(t.Context())
				rejected, ok := errors.AsType[*taskrun.RejectedError](err)
				missing := ok && rejected.Cause == taskrun.PermissionMissing
				if want := readiness == http.StatusOK; missing != want || errors.Is(err, taskrun.ErrUnavailable) == want {
					t.Errorf("%s: %v, want a missing permission: %v, else ErrUnavailable", call, err, want)
				}
			}
		})
	}
}
