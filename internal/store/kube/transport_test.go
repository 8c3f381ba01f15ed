package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

func objectUID(name string) types.UID { return types.UID("uid of " + name) }

// The run of an object is the same whichever decoder read the object.
func TestObjectsOfAListAreReadAsOthersAre(t *testing.T) {
	t.Parallel()
	o := objecttest.NewFleet().Object(t, 7)
	want := convert.RunFromObject(o.DeepCopy())
	text, err := json.Marshal(v1alpha1.TaskRunList{Items: []v1alpha1.TaskRun{*o}})
	if err != nil {
		t.Fatal(err)
	}
	ingest := NewIngest(nil, nil)
	into := &listCollector{ingest: ingest}
	if _, err := streamItems(bytes.NewReader(text), into); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, ingest.index.Namespace("default").ByID(o.Spec.ID)); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestAListIsLeftWithoutItems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ answer, rest string }{
		"what is around the items stays": {
			`{"kind":"TaskRunList","items":[{"metadata":{"name":"a","uid":"u"}}],"metadata":{"resourceVersion":"7"}}`,
			`{"items":[],"kind":"TaskRunList","metadata":{"resourceVersion":"7"}}`,
		},
		"no items":         {`{"metadata":{},"items":null}`, `{"items":[],"metadata":{}}`},
		"no list of items": {`{"metadata":{}}`, `{"metadata":{}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest, err := streamItems(strings.NewReader(test.answer), &listCollector{ingest: NewIngest(nil, nil)})
			if diff := cmp.Diff(test.rest, string(rest)); diff != "" || err != nil {
				t.Errorf("error %v, rest (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAnAnswerThatIsNoListIsAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nothing":                       ``,
		"an array":                      `[]`,
		"an end within the fields":      `{"metadata":{}`,
		"an end within a field":         `{"metadata":`,
		"an end within the items":       `{"items":[{"metadata":{"name":"a","uid":"u"}}`,
		"an end within an item":         `{"items":[{"metadata"`,
		"an end where items were to be": `{"items":`,
		"items that are no list":        `{"items":{}}`,
		"an item that is no object":     `{"items":[7]}`,
		"text that is not JSON":         `{"items":[}`,
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := &streamingBody{response: strings.NewReader(answer), into: &listCollector{ingest: NewIngest(nil, nil)}}
			if rest, err := io.ReadAll(body); err == nil {
				t.Errorf("read %q without an error", rest)
			}
		})
	}
}

// A client sends a request once more whose answer broke off; its objects count
// once, and those of the first answer may be gone.
func TestAnAnswerThatCameTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	ingest := NewIngest(nil, nil)
	into := &listCollector{ingest: ingest}
	if _, err := streamItems(cut(t, listOf(t, 90, "abc")), into); err == nil {
		t.Fatal("no error of an answer that was cut")
	}
	if _, err := streamItems(listOf(t, 91, "bc"), into); err != nil {
		t.Fatal(err)
	}
	if len(into.objects) != 2 || into.objects[0].Name != "b" || len(into.orphans) != 2 {
		t.Errorf("%d objects of the second answer, %d orphans, want two and two", len(into.objects), len(into.orphans))
	}
}

func TestTheTransportLeavesOtherAnswersAlone(t *testing.T) {
	t.Parallel()
	const text = `{"items":[{"metadata":{"name":"a","uid":"u"}}]}`
	ingest := NewIngest(nil, nil)
	list := context.WithValue(t.Context(), listCollectorKey{}, &listCollector{ingest: ingest})
	tests := map[string]struct {
		ctx    context.Context
		status int
		kind   string
	}{
		"an answer to somebody else":  {t.Context(), http.StatusOK, "application/json"},
		"an error":                    {list, http.StatusTooManyRequests, "application/json"},
		"what is not JSON":            {list, http.StatusOK, "application/cbor"},
		"what does not tell its kind": {list, http.StatusOK, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := roundTrip(func(*http.Request) (*http.Response, error) {
				header := http.Header{"Content-Type": {test.kind}}
				return &http.Response{StatusCode: test.status, Header: header, Body: io.NopCloser(strings.NewReader(text))}, nil
			})
			request, err := http.NewRequestWithContext(test.ctx, http.MethodGet, "http://api/taskruns", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := ingest.Transport(next).RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || response.Body.Close() != nil || string(body) != text {
				t.Errorf("read %q, error %v", body, err)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
