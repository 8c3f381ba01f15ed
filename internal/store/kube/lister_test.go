package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/watchlist"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

var errCut = errors.New("the connection was cut")

// answers stand for an API server that is asked for lists: each is given once.
type answers struct {
	left  []answer
	asked []metav1.ListOptions

	events    []watch.Event // of the stream
	streams   int           // that were asked for
	noStreams bool          // it is too old for them
}

type answer struct {
	status int
	body   io.Reader
}

func (a *answers) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	next := a.left[0]
	a.left = a.left[1:]
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: next.status, Header: header, Body: io.NopCloser(next.body)}, nil
}

// lister lists from the answers through the Transport of the ingest.
func (a *answers) lister(ingest *Ingest) *lister {
	client := ingest.Transport(a)
	return ingest.lister(&toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			a.asked = append(a.asked, options)
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://api/taskruns", http.NoBody)
			if err != nil {
				return nil, err
			}
			response, err := client.RoundTrip(request)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(response.Body)
			if err := errors.Join(err, response.Body.Close()); err != nil {
				return nil, err
			}
			switch response.StatusCode {
			case http.StatusGone:
				return nil, apierrors.NewResourceExpired("too old")
			case http.StatusGatewayTimeout:
				return nil, apierrors.NewTimeoutError("too late", 1)
			}
			list := &v1alpha1.TaskRunList{}
			return list, kubejson.Unmarshal(body, list)
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
			a.streams++
			if a.noStreams {
				return nil, apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("ListOptions").GroupKind(), "", nil)
			}
			w := watch.NewFakeWithChanSize(len(a.events), false)
			for _, event := range a.events {
				w.Action(event.Type, event.Object)
			}
			w.Stop()
			return w, nil
		},
	})
}

func (a *answers) add(body io.Reader) *answers { return a.addStatus(http.StatusOK, body) }

func (a *answers) addStatus(status int, body io.Reader) *answers {
	a.left = append(a.left, answer{status, body})
	return a
}

// listOf is the text of a list; objects are named a, b and so on.
func listOf(t *testing.T, version int, names string) *bytes.Reader {
	t.Helper()
	list := v1alpha1.TaskRunList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(version)}}
	for name := range strings.SplitSeq(names, "") {
		list.Items = append(list.Items, *objecttest.Version(name, objectUID(name), 5))
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(text)
}

// cut breaks an answer off behind its first object.
func cut(t *testing.T, answer io.Reader) io.Reader {
	t.Helper()
	text, err := io.ReadAll(answer)
	if err != nil {
		t.Fatal(err)
	}
	end := bytes.LastIndex(text, []byte(`"spec"`))
	return io.MultiReader(bytes.NewReader(text[:end]), failing{errCut})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func namesIn(t *testing.T, list runtime.Object) (names string) {
	t.Helper()
	err := meta.EachListItem(list, func(item runtime.Object) error {
		o, ok := item.(*v1alpha1.TaskRun)
		if !ok || !isTrimmed(o) {
			t.Errorf("the list has %v, not trimmed", item)
			return nil
		}
		names += o.Name
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// known are those of the named objects that the index has.
func known(ingest *Ingest, names string) string {
	var there strings.Builder
	for name := range strings.SplitSeq(names, "") {
		if ingest.index.Namespace("default").ByUID(objectUID(name)) != nil {
			there.WriteString(name)
		}
	}
	return there.String()
}

func TestAListIsTakenAsItComes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version, asked string
	}{
		"a list of any version is of the most recent one": {"0", ""},
		"a list of the most recent version stays one":     {"", ""},
		"a list is as new as it has to be":                {"57", "57"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ingest, server := NewIngest(nil, nil), (&answers{}).add(listOf(t, 90, "abc"))
			list, err := server.lister(ingest).ListWithContext(t.Context(), metav1.ListOptions{ResourceVersion: test.version, Limit: 500})
			if err != nil {
				t.Fatal(err)
			}
			if got := namesIn(t, list); got != "abc" || known(ingest, "abc") != "abc" {
				t.Errorf("listed %q, the index has %q, want abc", got, known(ingest, "abc"))
			}
			if version := list.(metav1.ListInterface).GetResourceVersion(); version != "90" { //nolint:errcheck // else it panics
				t.Errorf("the version is %q", version)
			}
			if diff := cmp.Diff([]metav1.ListOptions{{ResourceVersion: test.asked}}, server.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// After a list that broke off comes a stream, and what vanished in between
// vanishes: the informer has not heard of it.
func TestAListThatBrokeOffIsStreamed(t *testing.T) {
	t.Parallel()
	bookmark := func(version int) watch.Event {
		o := objecttest.Version("", "", version)
		o.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
		return watch.Event{Type: watch.Bookmark, Object: o}
	}
	event := func(kind watch.EventType, name string, version int) watch.Event {
		return watch.Event{Type: kind, Object: objecttest.Version(name, objectUID(name), version)}
	}
	tests := map[string]struct {
		events []watch.Event
		want   string // names that are listed; none: an error
		index  string // of abcd
	}{
		"what is shown is all there is": {
			[]watch.Event{event(watch.Added, "c", 6), event(watch.Added, "b", 7), bookmark(9)}, "cb", "bc",
		},
		"what changed while it was shown is there once": {
			[]watch.Event{event(watch.Added, "a", 5), event(watch.Added, "d", 6), event(watch.Modified, "a", 8), bookmark(9)}, "da", "ad",
		},
		"what was deleted while it was shown is gone": {
			[]watch.Event{event(watch.Added, "a", 5), event(watch.Added, "d", 6), event(watch.Deleted, "a", 8), bookmark(9)}, "d", "d",
		},
		"other bookmarks are not the end": {
			[]watch.Event{{Type: watch.Bookmark, Object: objecttest.Version("", "", 4)}, event(watch.Added, "d", 6), bookmark(9)}, "d", "d",
		},
		"a stream that ends too early is an error": {
			[]watch.Event{event(watch.Added, "d", 6)}, "", "abd",
		},
		"so is one that tells of an error": {
			[]watch.Event{event(watch.Added, "d", 6), {Type: watch.Error, Object: expired()}}, "", "abd",
		},
		"so is one of other objects": {[]watch.Event{{Type: watch.Added, Object: &v1alpha1.ConcurrencyLimit{}}}, "", "ab"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ingest := NewIngest(nil, nil)
			server := (&answers{}).add(cut(t, listOf(t, 90, "abx")))
			l := server.lister(ingest)
			if _, err := l.ListWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "0"}); !errors.Is(err, errCut) {
				t.Fatalf("error %v, want that the connection was cut", err)
			}
			server.events = test.events
			list, err := l.ListWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "0"})
			if (err != nil) != (test.want == "") {
				t.Fatalf("error %v", err)
			}
			if err == nil && namesIn(t, list) != test.want {
				t.Errorf("listed %q, want %q", namesIn(t, list), test.want)
			}
			if got := known(ingest, "abcd"); got != test.index {
				t.Errorf("the index has %q, want %q", got, test.index)
			}
		})
	}
}

// After a list that came to its end all is as at first; an API server without
// streams is asked for lists only.
func TestAListThatBrokeOffIsListedAgainWithoutStreams(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	server := (&answers{noStreams: true}).add(cut(t, listOf(t, 90, "abc"))).
		addStatus(http.StatusGone, strings.NewReader("{}")).add(listOf(t, 92, "c")).add(listOf(t, 93, "c"))
	l := server.lister(ingest)
	if _, err := l.ListWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "0"}); !errors.Is(err, errCut) {
		t.Fatalf("error %v, want that the connection was cut", err)
	}
	if _, err := l.ListWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "0"}); !apierrors.IsResourceExpired(err) {
		t.Fatalf("error %v, want one that the informer lists anew after", err)
	}
	list, err := l.ListWithContext(t.Context(), metav1.ListOptions{})
	if err != nil || namesIn(t, list) != "c" || known(ingest, "abc") != "c" {
		t.Fatalf("error %v, the index has %q, want c", err, known(ingest, "abc"))
	}
	if _, err := l.ListWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "92"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]metav1.ListOptions{{}, {}, {}, {ResourceVersion: "92"}}, server.asked); diff != "" || server.streams != 2 {
		t.Errorf("%d streams, asked (-want +got):\n%s", server.streams, diff)
	}
}

func TestAListThatCameTooLateIsStreamed(t *testing.T) {
	t.Parallel()
	server := (&answers{}).addStatus(http.StatusGatewayTimeout, strings.NewReader("{}")).add(listOf(t, 90, "a"))
	l := server.lister(NewIngest(nil, nil))
	if _, err := l.ListWithContext(t.Context(), metav1.ListOptions{}); !apierrors.IsTimeout(err) {
		t.Fatalf("error %v, want that of the API server", err)
	}
	if _, err := l.ListWithContext(t.Context(), metav1.ListOptions{}); err == nil || server.streams != 1 {
		t.Errorf("%d streams, error %v, want one that ends too early", server.streams, err)
	}
	if _, err := l.ListWithContext(t.Context(), metav1.ListOptions{}); err != nil || server.streams != 1 {
		t.Errorf("%d streams, error %v, want a list again", server.streams, err)
	}
}

func TestAListEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := (&answers{}).add(listOf(t, 90, "ab"))
	cancel()
	if _, err := server.lister(NewIngest(nil, nil)).ListWithContext(ctx, metav1.ListOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	if len(server.left) != 1 {
		t.Error("the API server was asked")
	}
}

// A lister works behind any transport; it takes the objects when it has them all.
func TestAListNeedsNoTransport(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	l := ingest.lister(&toolscache.ListWatch{ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
		return &v1alpha1.TaskRunList{Items: []v1alpha1.TaskRun{*objecttest.Version("a", objectUID("a"), 5)}}, nil
	}})
	list, err := l.ListWithContext(t.Context(), metav1.ListOptions{})
	if err != nil || namesIn(t, list) != "a" || known(ingest, "a") != "a" {
		t.Errorf("listed %v, error %v", list, err)
	}
}

// What is gone in a later list, the informer tells of as it does of all others.
func TestTheInformerTellsWhatIsGoneFromANewList(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	server := (&answers{}).add(listOf(t, 90, "ab")).add(listOf(t, 95, "b"))
	l := server.lister(ingest)
	if !watchlist.DoesClientNotSupportWatchListSemantics(&watched{}) {
		t.Error("the informer would ask for a stream")
	}
	open := watch.NewFake()
	watches := make(chan watch.Interface, 2)
	watches <- expiredWatch()
	watches <- open
	lw := &toolscache.ListWatch{
		ListWithContextFunc: l.ListerWatcherWithContext.ListWithContext,
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
			return <-watches, nil
		},
	}
	informer := ingest.NewInformer(lw, &v1alpha1.TaskRun{}, 0, nil)
	gone := make(chan string, 2)
	registerFeed(t, informer, ingest, gone)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); informer.RunWithContext(ctx) }()
	if name := <-gone; name != "a" || known(ingest, "ab") != "b" {
		t.Errorf("%q is gone, the index has %q, want a and b", name, known(ingest, "ab"))
	}
	cancel()
	<-stopped
}

func registerFeed(t *testing.T, informer toolscache.SharedIndexInformer, ingest *Ingest, gone chan<- string) {
	t.Helper()
	f := runHandler{ingest.index}
	_, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { f.OnAdd(object, false) },
		UpdateFunc: f.OnUpdate,
		DeleteFunc: func(object any) {
			f.OnDelete(object)
			key, _ := toolscache.DeletionHandlingObjectToName(object)
			gone <- key.Name
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func expiredWatch() watch.Interface {
	w := watch.NewFakeWithChanSize(1, false)
	w.Error(expired())
	return w
}

func expired() *metav1.Status {
	status := apierrors.NewResourceExpired("too old").Status()
	return &status
}
