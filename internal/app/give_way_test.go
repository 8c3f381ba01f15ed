//go:build apiserver

package app

import (
	"net/http"
	"strings"
	"testing"

	kuberest "k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// heldDeletes delays the delete of a run until goOn is closed.
type heldDeletes struct {
	next        http.RoundTripper
	begun, goOn chan struct{}
}

func (h heldDeletes) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/taskruns/") {
		close(h.begun)
		select {
		case <-h.goOn:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return h.next.RoundTrip(r)
}

func TestPersistStatus_waitsWhileClientsOfRESTWrite(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	config, begun, goOn := kuberest.CopyConfig(env.Config), make(chan struct{}), make(chan struct{})
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return heldDeletes{next: next, begun: begun, goOn: goOn}
	})
	p := start(t, config, c.namespace, func(o *Options) {
		o.Kubernetes.Timeout, o.REST.RequestTimeout, o.Controller.MaxStatusWriteDelay = patience, patience, 2*patience
	})
	unwanted := createOverREST(t, p, "unwanted")
	deleted := make(chan int, 1)
	go func() {
		status, _ := call(t, http.MethodDelete, p.url()+"/task_runs/"+unwanted, "")
		deleted <- status
	}()
	<-begun
	gives := createOverREST(t, p, "gives way")
	for _, name := range []string{"one", "another"} { // the status of the second one is due long after that of the waiting run
		c.apply(t, name, v1alpha1.TaskRunSpec{})
		c.await(t, name, "is PENDING", inState("PENDING"))
	}
	if run := c.get(t, gives); run == nil || run.Status.State != nil {
		t.Errorf("status written while a client writes: %+v", run)
	}
	close(goOn)
	if status := <-deleted; status != http.StatusNoContent {
		t.Errorf("deleting: %d", status)
	}
	c.await(t, gives, "is PENDING", inState("PENDING"))
}
