package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

var errCut = errors.New("the connection was cut")

// answers is an API server with prepared responses to lists. Each is used once.
type answers struct {
	left  []answer
	asked []metav1.ListOptions

	events    []watch.Event // of the stream
	streams   int           // number of requested streams
	noStreams bool          // too old for streams
}

type answer struct {
	status int
	body   io.Reader
}

func (a *answers) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if want := "/apis/taskrun.dev/v1alpha1/taskruns"; request.URL.Path != want {
		return nil, fmt.Errorf("path %s, want %s", request.URL.Path, want)
	}
	var options metav1.ListOptions
	if err := metav1.Convert_url_Values_To_v1_ListOptions(new(request.URL.Query()), &options, nil); err != nil {
		return nil, err
	}
	if options.Watch {
		return a.stream(), nil
	}
	a.asked = append(a.asked, options)
	next := a.left[0]
	a.left = a.left[1:]
	return jsonResponse(next.status, next.body), nil
}

// stream serves a watch.
func (a *answers) stream() *http.Response {
	a.streams++
	if a.noStreams {
		invalid := apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("ListOptions").GroupKind(), "", nil)
		return jsonResponse(http.StatusUnprocessableEntity, textIn(statusOf(invalid)))
	}
	var sent []io.Reader
	for _, event := range a.events {
		sent = append(sent, textIn(map[string]any{"type": event.Type, "object": event.Object}))
	}
	return jsonResponse(http.StatusOK, io.MultiReader(sent...))
}

func jsonResponse(status int, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body)}
}

// statusOf returns the body of an error of the API server.
func statusOf(err apierrors.APIStatus) metav1.Status {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	return status
}

func textIn(value any) io.Reader {
	text, err := json.Marshal(value)
	must(err)
	return bytes.NewReader(text)
}

// runs lists from the prepared responses into the index, through the Transport.
func (a *answers) runs(t *testing.T, ingest *Ingest) *runListerWatcher {
	t.Helper()
	return &runListerWatcher{client: directTo(t, "http://api", ingest.Transport(a)).client, store: storeIn(ingest.index)}
}

// directTo returns a Direct for a server.
func directTo(t *testing.T, host string, transport http.RoundTripper) *Direct {
	t.Helper()
	config := &rest.Config{Host: host, QPS: -1, Transport: transport}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := NewDirect(config, client)
	if err != nil {
		t.Fatal(err)
	}
	return direct
}

// list performs a list and ends it as a reflector does.
func (l *runListerWatcher) list(ctx context.Context, options metav1.ListOptions) (version string, err error) {
	all, err := l.ListWithContext(ctx, options)
	if err != nil {
		return "", err
	}
	if n := meta.LenList(all); n != 0 {
		return "", fmt.Errorf("%d objects in a list that is in the index", n)
	}
	version = all.(metav1.ListInterface).GetResourceVersion() //nolint:errcheck,forcetypeassert // it panics otherwise
	return version, l.store.Replace(nil, version)
}

func (a *answers) add(body io.Reader) *answers { return a.addStatus(http.StatusOK, body) }

func (a *answers) addStatus(status int, body io.Reader) *answers {
	a.left = append(a.left, answer{status, body})
	return a
}

// listOf returns the text of a list. Its objects are named a, b and so on.
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

// cut truncates a response after its first object.
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

// known returns the named objects that the index has.
func known(ingest *Ingest, names string) string {
	var there strings.Builder
	for name := range strings.SplitSeq(names, "") {
		if ingest.index.Namespace("default").ByUID(objectUID(name)) != nil {
			there.WriteString(name)
		}
	}
	return there.String()
}

func TestList_requestedVersion(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version, asked string
	}{
		"a list of any version requests the most recent one": {"0", ""},
		"a list of the most recent version is not changed":   {"", ""},
		"a minimum version is kept":                          {"57", "57"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ingest, server := NewIngest(nil, nil), (&answers{}).add(listOf(t, 90, "abc"))
			version, err := server.runs(t, ingest).list(t.Context(), metav1.ListOptions{ResourceVersion: test.version, Limit: 500})
			if err != nil || version != "90" || known(ingest, "abc") != "abc" {
				t.Errorf("version %q, error %v, the index has %q, want abc", version, err, known(ingest, "abc"))
			}
			if diff := cmp.Diff([]metav1.ListOptions{{ResourceVersion: test.asked}}, server.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

// After an interrupted list the objects are streamed, and an object that was deleted
// in between is removed without an event.
func TestList_interruptedListIsStreamed(t *testing.T) {
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
		index  string // objects of abcd
		fails  bool
	}{
		"the stream has all objects": {
			[]watch.Event{event(watch.Added, "c", 6), event(watch.Added, "b", 7), bookmark(9)}, "bc", false,
		},
		"an object that changes during the stream": {
			[]watch.Event{event(watch.Added, "a", 5), event(watch.Added, "d", 6), event(watch.Modified, "a", 8), bookmark(9)}, "ad", false,
		},
		"an object that is deleted during the stream": {
			[]watch.Event{event(watch.Added, "a", 5), event(watch.Added, "d", 6), event(watch.Deleted, "a", 8), bookmark(9)}, "d", false,
		},
		"other bookmarks do not end it": {
			[]watch.Event{{Type: watch.Bookmark, Object: objecttest.Version("", "", 4)}, event(watch.Added, "d", 6), bookmark(9)}, "d", false,
		},
		"a stream that ends too early": {
			[]watch.Event{event(watch.Added, "d", 6)}, "abd", true,
		},
		"a stream with an error": {
			[]watch.Event{event(watch.Added, "d", 6), {Type: watch.Error, Object: expired()}}, "abd", true,
		},
		"a stream of objects without names": {[]watch.Event{{Type: watch.Added, Object: &metav1.PartialObjectMetadataList{}}}, "ab", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ingest := NewIngest(nil, nil)
			server := (&answers{}).add(cut(t, listOf(t, 90, "abx")))
			l := server.runs(t, ingest)
			if _, err := l.list(t.Context(), metav1.ListOptions{ResourceVersion: "0"}); !errors.Is(err, errCut) {
				t.Fatalf("error %v, want that the connection was cut", err)
			}
			server.events = test.events
			version, err := l.list(t.Context(), metav1.ListOptions{ResourceVersion: "0"})
			if (err != nil) != test.fails {
				t.Fatalf("error %v, want one: %v", err, test.fails)
			}
			if err == nil && version != "9" {
				t.Errorf("version %q, want that of the bookmark", version)
			}
			if got := known(ingest, "abcd"); got != test.index {
				t.Errorf("the index has %q, want %q", got, test.index)
			}
		})
	}
}

// After a complete list, lists are used again. An API server without streams gets
// only list requests.
func TestList_interruptedListIsListedAgainWithoutStreams(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	server := (&answers{noStreams: true}).add(cut(t, listOf(t, 90, "abc"))).
		addStatus(http.StatusGone, textIn(statusOf(apierrors.NewResourceExpired("too old")))).add(listOf(t, 92, "c")).add(listOf(t, 93, "c"))
	l := server.runs(t, ingest)
	if _, err := l.list(t.Context(), metav1.ListOptions{ResourceVersion: "0"}); !errors.Is(err, errCut) {
		t.Fatalf("error %v, want that the connection was cut", err)
	}
	if _, err := l.list(t.Context(), metav1.ListOptions{ResourceVersion: "0"}); !apierrors.IsResourceExpired(err) {
		t.Fatalf("error %v, want one after which the reflector lists again", err)
	}
	if _, err := l.list(t.Context(), metav1.ListOptions{}); err != nil || known(ingest, "abc") != "c" {
		t.Fatalf("error %v, the index has %q, want c", err, known(ingest, "abc"))
	}
	if _, err := l.list(t.Context(), metav1.ListOptions{ResourceVersion: "92"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]metav1.ListOptions{{}, {}, {}, {ResourceVersion: "92"}}, server.asked); diff != "" || server.streams != 2 {
		t.Errorf("%d streams, asked (-want +got):\n%s", server.streams, diff)
	}
}

func TestList_thatTimesOutIsStreamed(t *testing.T) {
	t.Parallel()
	server := (&answers{}).addStatus(http.StatusGatewayTimeout, textIn(statusOf(apierrors.NewTimeoutError("too late", 1)))).add(listOf(t, 90, "a"))
	l := server.runs(t, NewIngest(nil, nil))
	if _, err := l.list(t.Context(), metav1.ListOptions{}); !apierrors.IsTimeout(err) {
		t.Fatalf("error %v, want that of the API server", err)
	}
	if _, err := l.list(t.Context(), metav1.ListOptions{}); err == nil || server.streams != 1 {
		t.Errorf("%d streams, error %v, want one that ends too early", server.streams, err)
	}
	if _, err := l.list(t.Context(), metav1.ListOptions{}); err != nil || server.streams != 1 {
		t.Errorf("%d streams, error %v, want a list again", server.streams, err)
	}
}

func TestList_endsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := (&answers{}).add(listOf(t, 90, "ab"))
	cancel()
	if _, err := server.runs(t, NewIngest(nil, nil)).list(ctx, metav1.ListOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	if len(server.left) != 1 {
		t.Error("the API server was asked")
	}
}

func expired() *metav1.Status {
	status := apierrors.NewResourceExpired("too old").Status()
	return &status
}

// The Transport does not change a list of the runListerWatcher, which records
// undecodable objects itself.
func TestListWithContext_recordsUndecodableObjects(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	text := `{"kind":"TaskRunList","metadata":{"resourceVersion":"90"},"items":[` + textOf(t, "a", 5, false) + `,` + textOf(t, "b", 5, true) + `]}`
	_, err := (&answers{}).add(strings.NewReader(text)).runs(t, ingest).list(t.Context(), metav1.ListOptions{})
	if n := ingest.index.Undecodables().Counts()[v1alpha1.KindTaskRun]; err != nil || n != 1 || known(ingest, "ab") != "b" {
		t.Errorf("error %v, %d objects are skipped, the index has %q, want one and b", err, n, known(ingest, "ab"))
	}
}
