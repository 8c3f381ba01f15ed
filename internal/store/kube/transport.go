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

// Transport wraps the transport of the cache's client. The answer to a list of
// TaskRuns that a lister asked for, it hands over object by object as it comes,
// and its reader sees a list without items; everything else passes.
func (*Intake) Transport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	into, ok := request.Context().Value(gatheringKey{}).(*gathering)
	if err != nil || !ok || response.StatusCode != http.StatusOK {
		return response, err
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return response, nil //nolint:nilerr // it is for the client to say what is wrong with it
	}
	response.Body = &takingBody{Closer: response.Body, answer: response.Body, into: into}
	response.ContentLength = -1
	response.Header.Del("Content-Length")
	return response, nil
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
	decoder := json.NewDecoder(answer)
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
			value, err = json.RawMessage("[]"), eachItem(decoder, into)
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

func eachItem(decoder *json.Decoder, into *gathering) error {
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
		if err := decoder.Decode(o); err != nil {
			return err
		}
		if err := into.take(o); err != nil {
			return err
		}
	}
	return expect(decoder, json.Delim(']'))
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
