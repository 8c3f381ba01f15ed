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

// gatheringKey is where a request for a list of TaskRuns has its gathering.
type gatheringKey struct{}

// gathering is what the Intake has left of the objects of a list so far.
type gathering struct {
	intake *Intake
	stubs  []*v1alpha1.TaskRun
	strays []*v1alpha1.TaskRun // what was seen and is not in the list after all
}

func (g *gathering) take(o *v1alpha1.TaskRun) error {
	left, err := g.intake.Transform(o)
	if err != nil {
		return err
	}
	if stub, ok := left.(*v1alpha1.TaskRun); ok {
		g.stubs = append(g.stubs, stub)
	}
	return nil
}

// again begins the list anew: the client sends a request once more whose answer
// broke off.
func (g *gathering) again() { g.stubs, g.strays = nil, append(g.strays, g.stubs...) }

// Transport wraps the transport of the clients of the cluster. The answer to a
// list of TaskRuns that a lister asked for, it hands over object by object as it
// comes, and its reader sees a list without items. An informer's watch is read
// frame by frame (see framesBody), any other answer about one of the kinds as
// SkipUndecodable has it; everything else passes.
func (i *Intake) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{next: next, intake: i, skipped: func(*taskrun.UndecodableError) {}} // the watch tells of them
}

type transport struct {
	next    http.RoundTripper
	intake  *Intake // nil: no informer uses it
	skipped func(*taskrun.UndecodableError)
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil || !isJSON(response) {
		return response, err
	}
	ctx := request.Context()
	if into, ok := ctx.Value(gatheringKey{}).(*gathering); ok {
		return withBody(response, &takingBody{Closer: response.Body, answer: response.Body, into: into}), nil
	}
	kind, informs := ctx.Value(informerKey{}).(string)
	switch watches := request.URL.Query().Has("watch"); {
	case informs && watches && t.intake != nil:
		return withBody(response, newFramesBody(t.intake, kind, response.Body)), nil
	case isAboutObjects(request) && !watches:
		return t.whole(response, informs)
	default:
		return response, nil
	}
}

// isJSON reports whether an answer is a JSON text, and no error. It is for the
// client to say what is wrong with any other.
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

// WrappedRoundTripper tells what is wrapped, as client-go's wrappers do.
func (t transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// takingBody is the answer without its items. The first Read takes them.
type takingBody struct {
	io.Closer

	answer io.Reader
	into   *gathering
	rest   io.Reader
	err    error
}

func (b *takingBody) Read(p []byte) (int, error) {
	if b.rest == nil && b.err == nil {
		var rest []byte
		rest, b.err = takeItems(b.answer, b.into)
		b.err = broken(b.err)
		b.rest = bytes.NewReader(rest)
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.rest.Read(p)
}

// takeItems reads a list and returns it without items.
func takeItems(answer io.Reader, into *gathering) ([]byte, error) {
	into.again()
	texts := &recording{from: answer}
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

func eachItem(decoder *json.Decoder, texts *recording, into *gathering) error {
	token, err := decoder.Token()
	if err != nil || token == nil {
		return broken(err)
	}
	if token != json.Delim('[') {
		return unexpected(token)
	}
	for decoder.More() {
		// This decoder takes NAME for name where Kubernetes' own does not, but the
		// API server sends no names that the schema does not have.
		o := &v1alpha1.TaskRun{}
		start := decoder.InputOffset()
		if err := decoder.Decode(o); err != nil {
			if o, err = skipItem(texts.between(start, decoder.InputOffset()), err); err != nil {
				return err
			}
		}
		if err := into.take(o); err != nil {
			return err
		}
		texts.forget(decoder.InputOffset())
	}
	return expect(decoder, json.Delim(']'))
}

// skipItem returns the stub of an item that cannot be decoded. The decoder is
// behind it, unless it is no JSON: then there is nothing more to be read.
func skipItem(text []byte, cause error) (*v1alpha1.TaskRun, error) {
	text = bytes.TrimLeft(text, ", \t\r\n")
	if !json.Valid(text) {
		return nil, cause
	}
	stub, err := stubOfUndecodable(kindTaskRun, text, cause)
	if err != nil {
		return nil, err
	}
	o, ok := stub.(*v1alpha1.TaskRun)
	if !ok {
		return nil, cause
	}
	return o, nil
}

// recording keeps what was read of a text, so that an item of it can be looked at
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

// forget drops what comes before a position, when that is most of what is kept.
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

// broken tells an answer that ended too early from one that was read.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
