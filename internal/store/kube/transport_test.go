package kube

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func objectUID(name string) types.UID { return types.UID("uid of " + name) }

func TestTransport_leavesOtherResponsesUnchanged(t *testing.T) {
	t.Parallel()
	const text = `{"items":[{"metadata":{"name":"a","uid":"u"}}]}`
	ingest := NewIngest(nil, nil)
	list := context.WithValue(t.Context(), uncheckedKey{}, true)
	tests := map[string]struct {
		ctx    context.Context
		status int
		kind   string
	}{
		"a response without the mark of an informer": {t.Context(), http.StatusOK, "application/json"},
		"a list of TaskRuns":                         {list, http.StatusOK, "application/json"},
		"an error":                                   {list, http.StatusTooManyRequests, "application/json"},
		"a text that is not JSON":                    {list, http.StatusOK, "application/cbor"},
		"an object without a kind":                   {list, http.StatusOK, ""},
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
