//go:build apiserver

package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kuberest "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) {
	useForLibraries(slog.DiscardHandler)
	testenv.Main(m)
}

// patience is the timeout of every wait for the program. No wait takes long on an idle machine.
const patience = 60 * time.Second

// program is the whole program, started in this process.
type program struct {
	app  *App
	stop func() // ends the program, and fails the test if it has already ended, or ends with an error
}

// start starts the program for one namespace, on its own ports.
func start(t *testing.T, config *kuberest.Config, namespace string, change func(*Options)) *program {
	t.Helper()
	p, err := launch(t, config, namespace, change)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// launch is start for any goroutine of a test.
func launch(t *testing.T, config *kuberest.Config, namespace string, change func(*Options)) (*program, error) {
	t.Helper()
	options := DefaultOptions()
	options.Scope = ScopeOptions{Namespace: namespace, Watch: []string{namespace}}
	options.REST.BindAddress = "127.0.0.1:0"
	options.Manager.MetricsAddress, options.Manager.HealthAddress = off, off
	if change != nil {
		change(&options)
	}
	if len(options.Scope.Watch) == 0 && testenv.IsShared(config) {
		return nil, errors.New("a program that works in all namespaces takes part in all tests: use testenv.StartPrivate")
	}
	// The operator is stopped after the end of the context of the test.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	app, err := New(ctx, config, options, slog.NewTextHandler(newTestLog(t), nil))
	if err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- app.Start(ctx) }()
	p := &program{app: app}
	p.stop = sync.OnceFunc(func() {
		select {
		case err := <-ended:
			t.Errorf("the program ended by itself: %v", err)
		default:
		}
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the program ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("the program did not end")
		}
	})
	t.Cleanup(p.stop)
	return p, nil
}

// testLog is the log of a test. Goroutines of libraries can log for a moment after the end of the
// test; their lines are dropped.
type testLog struct {
	mu   sync.Mutex
	to   io.Writer
	over bool
}

func newTestLog(t *testing.T) *testLog {
	t.Helper()
	l := &testLog{to: t.Output()}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.over = true
	})
	return l
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return len(p), nil
	}
	return l.to.Write(p)
}

// cluster is the API server as a user sees it, within one namespace.
type cluster struct {
	client.Client
	namespace string
}

func newCluster(t *testing.T, config *kuberest.Config, namespace string) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), eventsv1.AddToScheme(scheme), coordinationv1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme, FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{Client: c, namespace: namespace}
}

// apply creates a TaskRun.
func (c *cluster) apply(t *testing.T, name string, spec v1alpha1.TaskRunSpec) *v1alpha1.TaskRun {
	t.Helper()
	if spec.TaskKey == nil {
		spec.TaskKey = new("hello")
	}
	run := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}, Spec: spec}
	if err := c.Create(t.Context(), run); err != nil {
		t.Fatalf("creating %s: %v", name, err)
	}
	return run
}

// patch merges JSON into a TaskRun, as kubectl patch --type merge does.
func (c *cluster) patch(t *testing.T, name, json string) *v1alpha1.TaskRun {
	t.Helper()
	run := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
	if err := c.Patch(t.Context(), run, client.RawPatch(types.MergePatchType, []byte(json))); err != nil {
		t.Fatalf("patching %s with %s: %v", name, json, err)
	}
	return run
}

// get reads a TaskRun, or returns nil.
func (c *cluster) get(t *testing.T, name string) *v1alpha1.TaskRun {
	t.Helper()
	run := &v1alpha1.TaskRun{}
	err := c.Get(t.Context(), types.NamespacedName{Namespace: c.namespace, Name: name}, run)
	if client.IgnoreNotFound(err) != nil {
		t.Logf("reading %s: %v", name, err)
	}
	if err != nil {
		return nil
	}
	return run
}

// await waits until a TaskRun meets the condition and returns it.
func (c *cluster) await(t *testing.T, name, what string, wanted func(*v1alpha1.TaskRun) bool) *v1alpha1.TaskRun {
	t.Helper()
	var run *v1alpha1.TaskRun
	eventually(t, name+" "+what, func() bool {
		run = c.get(t, name)
		return run != nil && wanted(run)
	}, func() { t.Logf("%s is %+v", name, run) })
	return run
}

// events returns "Type Reason Note" of every Event about our objects.
func (c *cluster) events(t *testing.T, name string) []string {
	t.Helper()
	var list eventsv1.EventList
	if err := c.List(t.Context(), &list, client.InNamespace(c.namespace)); err != nil {
		t.Fatalf("listing events: %v", err)
	}
	var all []string
	for _, event := range list.Items {
		if event.Regarding.APIVersion == v1alpha1.GroupVersion.String() && event.Regarding.Name == name {
			all = append(all, event.Type+" "+event.Reason+" "+event.Note)
		}
	}
	return all
}

// awaitEvent waits for an Event about our objects with this prefix.
func (c *cluster) awaitEvent(t *testing.T, name, beginning string) {
	t.Helper()
	eventually(t, "an event "+beginning, func() bool {
		for _, event := range c.events(t, name) {
			if strings.HasPrefix(event, beginning) {
				return true
			}
		}
		return false
	}, func() { t.Logf("events: %q", c.events(t, name)) })
}

// eventually repeats the check until it succeeds, and fails the test after the timeout.
func eventually(t *testing.T, what string, ask func() bool, explain func()) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-ticker.C {
		if ask() {
			return
		}
	}
	explain()
	t.Fatalf("timed out after %v: %s", patience, what)
}

func inState(kind string) func(*v1alpha1.TaskRun) bool {
	return func(run *v1alpha1.TaskRun) bool {
		return run.Status.State != nil && run.Status.State.Type == kind
	}
}

// propose creates a StateProposal of a state of this type for a TaskRun.
func (c *cluster) propose(t *testing.T, run, kind string) *v1alpha1.StateProposal {
	t.Helper()
	return c.proposeAs(t, run, v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: kind}})
}

// proposeAs creates a StateProposal for a TaskRun.
func (c *cluster) proposeAs(t *testing.T, run string, spec v1alpha1.StateProposalSpec) *v1alpha1.StateProposal {
	t.Helper()
	spec.TargetRef.Kind, spec.TargetRef.Name = v1alpha1.KindTaskRun, run
	p := &v1alpha1.StateProposal{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, GenerateName: run + "-"}, Spec: spec}
	if err := c.Create(t.Context(), p); err != nil {
		t.Fatalf("proposing %s for %s: %v", spec.State.Type, run, err)
	}
	return p
}

// awaitVerdict waits until the proposal has a verdict, final or not, and returns the proposal.
func (c *cluster) awaitVerdict(t *testing.T, p *v1alpha1.StateProposal, final bool) *v1alpha1.StateProposal {
	t.Helper()
	latest := &v1alpha1.StateProposal{}
	eventually(t, p.Name+" has a verdict", func() bool {
		err := c.Get(t.Context(), client.ObjectKeyFromObject(p), latest)
		return err == nil && latest.Status.Verdict != "" && (!final || latest.Status.Verdict != v1alpha1.VerdictWaiting)
	}, func() { t.Logf("%s is %+v", p.Name, latest) })
	return latest
}

// proposed proposes a state and waits for the final verdict.
func (c *cluster) proposed(t *testing.T, run, kind string) *v1alpha1.StateProposal {
	t.Helper()
	return c.awaitVerdict(t, c.propose(t, run, kind), true)
}

// faults passes a number of writes of TaskRuns and StateProposals and fails all later ones, like a
// kill between two writes.
type faults struct {
	// answerLost makes the first failing write fail after its effect, with the response lost,
	// instead of before it reaches the API server.
	answerLost bool

	mu      sync.Mutex
	passing int
	lost    bool
	cut     chan struct{} // closed at the first failing write
}

var errCut = errors.New("cut off by the test")

// cutAfter returns a configuration whose writes of TaskRuns and StateProposals fail after n of them.
func cutAfter(config *kuberest.Config, n int, answerLost bool) (*kuberest.Config, *faults) {
	f := &faults{passing: n, answerLost: answerLost, cut: make(chan struct{})}
	config = kuberest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &faultsOver{faults: f, next: next}
	})
	return config, f
}

// faultsOver applies faults to one connection.
type faultsOver struct {
	*faults
	next http.RoundTripper
}

func (f *faultsOver) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/taskruns") && !strings.Contains(r.URL.Path, "/stateproposals") {
		return f.next.RoundTrip(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.passing > 0 {
		f.passing--
		return f.next.RoundTrip(r)
	}
	if !f.lost {
		f.lost = true
		defer close(f.cut)
		if f.answerLost {
			if answer, err := f.next.RoundTrip(r); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		}
	}
	return nil, errCut
}
