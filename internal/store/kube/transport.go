package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// listCollectorKey is the context key of the listCollector of a list of TaskRuns.
type listCollectorKey struct{}

// listCollector collects the trimmed objects of a list.
type listCollector struct {
	ingest  *Ingest
	objects []*v1alpha1.TaskRun
	orphans []*v1alpha1.TaskRun // were added and are not in the list after all
}

func (g *listCollector) add(o *v1alpha1.TaskRun) error {
	kept, err := g.ingest.Transform(o)
	if err != nil {
		return err
	}
	if object, ok := kept.(*v1alpha1.TaskRun); ok {
		g.objects = append(g.objects, object)
	}
	return nil
}

// restart begins the list again: the client repeats a request whose response broke off.
func (g *listCollector) restart() { g.objects, g.orphans = nil, append(g.orphans, g.objects...) }

// Transport wraps the transport of the clients of the cluster. The Ingest gets the
// objects of a lister's list one by one while the response arrives, and the client gets a
// list without items. A watch of an informer is decoded frame by frame, see framesBody.
// Any other response with objects of our kinds is handled as SkipUndecodable does.
// Everything else is passed on unchanged.
func (i *Ingest) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{next: next, ingest: i, skipped: func(*taskrun.UndecodableError) {}} // the watch reports them
}

type transport struct {
	next    http.RoundTripper
	ingest  *Ingest // nil: no informer uses it
	skipped func(*taskrun.UndecodableError)
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil || !isJSON(response) {
		return response, err
	}
	ctx := request.Context()
	if into, ok := ctx.Value(listCollectorKey{}).(*listCollector); ok {
		return withBody(response, &streamingBody{Closer: response.Body, response: response.Body, into: into}), nil
	}
	kind, informs := ctx.Value(informerKey{}).(string)
	switch watches := request.URL.Query().Has("watch"); {
	case informs && watches && t.ingest != nil:
		return withBody(response, newFramesBody(t.ingest, kind, response.Body)), nil
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

// streamingBody is a list without its items. The first Read adds them to a
// listCollector.
type streamingBody struct {
	io.Closer

	response io.Reader
	into     *listCollector
	rest     io.Reader
	err      error
}

func (b *streamingBody) Read(p []byte) (int, error) {
	if b.rest == nil && b.err == nil {
		var rest []byte
		rest, b.err = streamItems(b.response, b.into)
		b.err = broken(b.err)
		b.rest = bytes.NewReader(rest)
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.rest.Read(p)
}

// streamItems decodes a list, adds its items to a listCollector and returns the rest.
func streamItems(response io.Reader, into *listCollector) ([]byte, error) {
	into.restart()
	texts := &recording{from: response}
	decoder := json.NewDecoder(texts)
	if err := expect(decoder, json.Delim('{')); err != nil {
		return nil, err
	}
	rest := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		field, _ := token.(string)
		var value json.RawMessage
		if field == "items" {
			value, err = json.RawMessage("[]"), eachItem(decoder, texts, into)
		} else {
			err = decoder.Decode(&value)
		}
		if err != nil {
			return nil, err
		}
		rest[field] = value
	}
	if err := expect(decoder, json.Delim('}')); err != nil {
		return nil, err
	}
	return json.Marshal(rest)
}

func eachItem(decoder *json.Decoder, texts *recording, into *listCollector) error {
	token, err := decoder.Token()
	if err != nil || token == nil {
		return broken(err)
	}
	if token != json.Delim('[') {
		return unexpected(token)
	}
	for decoder.More() {
		// Unlike that of Kubernetes, this decoder accepts NAME for name. The API server
		// sends only names that the schema has.
		o := &v1alpha1.TaskRun{}
		start := decoder.InputOffset()
		if err := decoder.Decode(o); err != nil {
			if o, err = skipItem(texts.between(start, decoder.InputOffset()), err); err != nil {
				return err
			}
		}
		if err := into.add(o); err != nil {
			return err
		}
		texts.forget(decoder.InputOffset())
	}
	return expect(decoder, json.Delim(']'))
}

// skipItem returns the placeholder of an item that cannot be decoded. If the item is
// JSON, the decoder continues behind it. Otherwise nothing more can be decoded.
func skipItem(text []byte, cause error) (*v1alpha1.TaskRun, error) {
	text = bytes.TrimLeft(text, ", \t\r\n")
	if !json.Valid(text) {
		return nil, cause
	}
	placeholder, err := placeholderOf(v1alpha1.KindTaskRun, text, cause)
	if err != nil {
		return nil, err
	}
	o, ok := placeholder.(*v1alpha1.TaskRun)
	if !ok {
		return nil, cause
	}
	return o, nil
}

// recording keeps the end of what was read of a text, so that an item can be decoded
// again. Positions are those in the text.
type recording struct {
	from  io.Reader
	kept  []byte
	start int64 // position of the first byte kept
}

func (r *recording) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.kept = append(r.kept, p[:n]...)
	return n, err
}

func (r *recording) between(from, to int64) []byte { return r.kept[from-r.start : to-r.start] }

// forget drops what precedes a position, if that is most of what is kept.
func (r *recording) forget(before int64) {
	if n := int(before - r.start); n > len(r.kept)/2 {
		r.kept = r.kept[:copy(r.kept, r.kept[n:])]
		r.start = before
	}
}

// expect reads a delimiter.
func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if err == nil && token != want {
		err = unexpected(token)
	}
	return broken(err)
}

func unexpected(token json.Token) error {
	return fmt.Errorf("reading a list of TaskRuns: unexpected %v", token)
}

// broken returns io.ErrUnexpectedEOF for the end of a response, and other errors as
// they are.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
