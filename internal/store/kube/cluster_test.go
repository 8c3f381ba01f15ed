package kube

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// followed is an API server whose lists and watches the test provides one by one.
type followed struct {
	lists   chan io.Reader
	watches chan chan string // events of each watch, which ends when its channel is closed
}

func (f *followed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/apis/taskrun.dev/v1alpha1/namespaces/default/taskruns" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("watch") == "" {
		select {
		case list := <-f.lists:
			_, _ = io.Copy(w, list)
		case <-r.Context().Done():
		}
		return
	}
	w.WriteHeader(http.StatusOK)
	http.NewResponseController(w).Flush()
	var events chan string
	select {
	case events = <-f.watches:
	case <-r.Context().Done():
		return
	}
	for {
		select {
		case event, open := <-events:
			if !open {
				return
			}
			_, _ = io.WriteString(w, event)
			http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// A started Cluster follows the API server. It is complete after the first list, and it
// reports each change of the first list, of the watch and of a later list, and no
// unchanged object.
func TestStart_followsTheAPIServer(t *testing.T) {
	t.Parallel()
	api := &followed{lists: make(chan io.Reader), watches: make(chan chan string)}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	ingest := NewIngest(nil, nil)
	c := &Cluster{
		Options: Options{Direct: directTo(t, server.URL, ingest.Transport(http.DefaultTransport)), Ingest: ingest, Watch: []string{"default", "default"}},
		index:   ingest.index, watches: ingest.watches,
	}
	c.addScopes()
	changes := make(chan string, 100)
	c.OnChange(func(namespace, name string, run *taskrun.Run) {
		version := "none"
		if run != nil {
			version = run.Ref.ResourceVersion
		}
		changes <- namespace + "/" + name + " " + version
	})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- c.Start(ctx) }()

	if err := c.complete(); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("before the first list: error %v, want ErrUnavailable", err)
	}
	api.lists <- listOf(t, 90, "abc")
	if !c.WaitForSync(t.Context()) || known(ingest, "abc") != "abc" {
		t.Errorf("after the first list, the index has %q", known(ingest, "abc"))
	}
	want(t, changes, "default/a 5", "default/b 5", "default/c 5")

	events := make(chan string)
	api.watches <- events
	events <- event(watch.Modified, textOf(t, "a", 91, true))
	want(t, changes, "default/a 91")
	events <- event(watch.Deleted, textOf(t, "b", 92, true))
	want(t, changes, "default/b none")
	events <- event(watch.Modified, textOf(t, "c", 93, false)) + event(watch.Modified, textOf(t, "c", 94, true))
	want(t, changes, "default/c none", "default/c 94")
	status, err := json.Marshal(statusOf(apierrors.NewResourceExpired("too old")))
	if err != nil {
		t.Fatal(err)
	}
	events <- event(watch.Error, string(status))

	api.lists <- strings.NewReader(`{"metadata":{"resourceVersion":"120"},"items":[` + textOf(t, "a", 91, true) + `,` + textOf(t, "d", 100, true) + `]}`)
	want(t, changes, "default/d 100", "default/c none")
	api.watches <- make(chan string)
	if len(changes) > 0 || known(ingest, "abcd") != "ad" || c.current() != nil {
		t.Errorf("%d more changes, the index has %q, error %v", len(changes), known(ingest, "abcd"), c.current())
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Errorf("Start() = %v", err)
	}
}

// want waits for changes in this order.
func want(t *testing.T, changes <-chan string, want ...string) {
	t.Helper()
	var got []string
	for range want {
		got = append(got, <-changes)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
