package retention

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"
)

func namespace(name, ttl string) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
	}
	if ttl != "" {
		object.Annotations = annotated(ttl)
	}
	return object
}

var namespaces = corev1.SchemeGroupVersion.WithResource("namespaces")

// failures fails calls while its error is set.
type failures struct {
	mu  sync.Mutex
	err error
}

func (f *failures) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failures) react(clienttesting.Action) (bool, runtime.Object, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil, nil, f.err
}

// started starts a Watcher on namespaces, within a synctest bubble.
func started(t *testing.T, o Options, objects ...runtime.Object) (*Watcher, *fake.FakeMetadataClient, *failures) {
	t.Helper()
	broken := &failures{}
	w, client := startedWith(t, broken, o, objects...)
	return w, client, broken
}

// startedWith is started with failures from the beginning.
func startedWith(t *testing.T, broken *failures, o Options, objects ...runtime.Object) (*Watcher, *fake.FakeMetadataClient) {
	t.Helper()
	scheme := fake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	client := fake.NewSimpleMetadataClient(scheme, objects...)
	client.PrependReactor("*", "namespaces", broken.react)
	o.Log, o.OnInvalid = slog.New(slog.NewTextHandler(t.Output(), nil)), func(Invalid) {}
	w := newWatcher(client, o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Start() = %v", err)
		}
	})
	return w, client
}

// pass advances the time in a synctest bubble.
func pass(d time.Duration) { <-time.NewTimer(d).C }

func expectTTL(t *testing.T, w *Watcher, name, want string) {
	t.Helper()
	if got := (&scene{Rules: w.Rules}).ttl(name); got != want {
		t.Errorf("TTL of %s = %s, want %s", name, got, want)
	}
}

func update(t *testing.T, client *fake.FakeMetadataClient, object *metav1.PartialObjectMetadata) {
	t.Helper()
	if err := client.Tracker().Update(namespaces, object, ""); err != nil {
		t.Fatal(err)
	}
}

func TestWatcher_rereadsSingleNamespace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, client, broken := started(t, Options{Namespaces: []string{"a", "missing"}, Standard: time.Hour},
			namespace("a", "1m"), namespace("other", "2m"))
		synctest.Wait()
		if err := w.Ready(t.Context()); err != nil {
			t.Errorf("Ready() = %v", err)
		}
		expectTTL(t, w, "a", "1m0s")
		expectTTL(t, w, "missing", "unknown")
		expectTTL(t, w, "other", "unknown")
		update(t, client, namespace("a", "3m"))
		pass(readInterval)
		synctest.Wait()
		expectTTL(t, w, "a", "3m0s")
		broken.set(errors.New("the API server is gone"))
		pass(10 * readInterval)
		synctest.Wait()
		expectTTL(t, w, "a", "3m0s")
		update(t, client, namespace("a", ""))
		broken.set(nil)
		pass(readInterval)
		synctest.Wait()
		expectTTL(t, w, "a", "1h0m0s")
	})
}

func TestWatcher_failedReadLeavesNamespaceUnknown(t *testing.T) {
	t.Parallel()
	for name, only := range map[string][]string{"one by one": {"a"}, "all": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broken := &failures{err: errors.New("the API server is gone")}
				w, _ := startedWith(t, broken, Options{Namespaces: only, Standard: time.Hour}, namespace("a", "1m"))
				expect := func(ready bool, ttl string) {
					t.Helper()
					pass(time.Minute)
					synctest.Wait()
					if err := w.Ready(t.Context()); (err == nil) != ready {
						t.Errorf("Ready() = %v, want ready: %v", err, ready)
					}
					expectTTL(t, w, "a", ttl)
				}
				expect(false, "unknown")
				broken.set(apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "a", nil))
				expect(true, "1h0m0s")
				broken.set(nil)
				expect(true, "1m0s")
			})
		})
	}
}

func TestWatcher_watchesAllNamespaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, client, _ := started(t, Options{Standard: time.Hour}, namespace("a", "1m"), namespace("b", ""))
		pass(time.Minute)
		synctest.Wait()
		if err := w.Ready(t.Context()); err != nil {
			t.Errorf("Ready() = %v", err)
		}
		expectTTL(t, w, "a", "1m0s")
		expectTTL(t, w, "b", "1h0m0s")
		expectTTL(t, w, "c", "unknown")
		if err := client.Tracker().Create(namespaces, namespace("c", "2m"), ""); err != nil {
			t.Fatal(err)
		}
		update(t, client, namespace("b", "0"))
		if err := client.Tracker().Delete(namespaces, "", "a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expectTTL(t, w, "a", "unknown")
		expectTTL(t, w, "b", "keep")
		expectTTL(t, w, "c", "2m0s")
	})
}

func TestWatcher_listsAgainAfterWatchEnds(t *testing.T) {
	t.Parallel()
	w := newWatcher(fake.NewSimpleMetadataClient(fake.NewTestScheme()), Options{Log: slog.New(slog.DiscardHandler), OnInvalid: func(Invalid) {}})
	if w.Ready(t.Context()) == nil {
		t.Error("ready before the first list")
	}
	store := namespaceStore{w}
	if err := store.Replace([]any{namespace("a", "1m"), namespace("b", "2m")}, "1"); err != nil {
		t.Fatal(err)
	}
	if err := store.Replace([]any{namespace("b", "3m")}, "2"); err != nil {
		t.Fatal(err)
	}
	expectTTL(t, w, "a", "unknown")
	expectTTL(t, w, "b", "3m0s")
	if err := store.Add(&corev1.Namespace{}); err == nil {
		t.Error("an object of another type was taken")
	}
}
