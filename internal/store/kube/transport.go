package kube

import (
	"io"
	"mime"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Transport wraps the transport of the clients of the cluster. A watch of an informer is
// decoded frame by frame, see framesBody. Any other response with objects of our kinds is
// handled as SkipUndecodable does. Everything else is passed on unchanged, as are the
// responses to a runListerWatcher.
func (i *Ingest) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{next: next, informs: true, skipped: func(*taskrun.UndecodableError) {}} // the watch reports them
}

type transport struct {
	next    http.RoundTripper
	informs bool // informers use it
	skipped func(*taskrun.UndecodableError)
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil || !isJSON(response) {
		return response, err
	}
	ctx := request.Context()
	if ctx.Value(uncheckedKey{}) != nil {
		return response, nil
	}
	kind, informs := ctx.Value(informerKey{}).(string)
	switch watches := request.URL.Query().Has("watch"); {
	case informs && watches && t.informs:
		return withBody(response, newFramesBody(kind, response.Body)), nil
	case isAboutObjects(request) && !watches:
		return t.whole(response, informs)
	default:
		return response, nil
	}
}

// isJSON reports whether a response is a JSON text and no error. The client handles all
// others.
func isJSON(response *http.Response) bool {
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return err == nil && kind == "application/json" &&
		(response.StatusCode == http.StatusOK || response.StatusCode == http.StatusCreated)
}

func withBody(response *http.Response, body io.ReadCloser) *http.Response {
	response.Body = body
	response.ContentLength = -1
	response.Header.Del("Content-Length")
	return response
}

// WrappedRoundTripper returns the wrapped transport, as client-go's wrappers do.
func (t transport) WrappedRoundTripper() http.RoundTripper { return t.next }
