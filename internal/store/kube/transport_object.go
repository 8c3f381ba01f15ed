package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// SkipUndecodable returns a wrapper for the transport of a client that reads objects
// of our kinds from the API server. Lists come without the objects that cannot be
// decoded, and skipped is called with the error of each. Any other request about such an
// object returns a *taskrun.UndecodableError.
func SkipUndecodable(skipped func(*taskrun.UndecodableError)) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return transport{next: next, skipped: skipped} }
}

// isAboutObjects reports whether the response to a request has objects of our kinds.
func isAboutObjects(request *http.Request) bool {
	return strings.Contains(request.URL.Path, "/apis/"+v1alpha1.GroupVersion.String()+"/") &&
		!strings.Contains(request.Header.Get("Accept"), "as=") // metadata alone, or a table
}

// whole reads a response to its end and checks its objects. An informer's list has
// placeholders for the items that cannot be decoded.
func (t transport) whole(response *http.Response, informs bool) (*http.Response, error) {
	text, err := io.ReadAll(response.Body)
	if err != nil { // the client gets this error
		rest := io.MultiReader(bytes.NewReader(text), brokenReader{err})
		return withBody(response, readCloser{rest, response.Body}), nil //nolint:nilerr // the reader of the body gets the error
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	if text, err = t.check(text, informs); err != nil {
		return nil, err
	}
	return withBody(response, io.NopCloser(bytes.NewReader(text))), nil
}

// check returns a response without the objects that cannot be decoded.
func (t transport) check(text []byte, informs bool) ([]byte, error) {
	var response struct {
		Kind  string            `json:"kind"`
		Items []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(text, &response) != nil {
		return text, nil //nolint:nilerr // the client handles it
	}
	kind, isList := strings.CutSuffix(response.Kind, "List")
	switch {
	case newObject(kind) == nil:
		return text, nil
	case isList:
		return t.checkItems(kind, text, response.Items, informs)
	}
	text, u, err := checkObject(kind, text)
	if u != nil {
		return nil, &u.Err
	}
	return text, err
}

func (t transport) checkItems(kind string, list []byte, items []json.RawMessage, informs bool) ([]byte, error) {
	kept, sound := make([]json.RawMessage, 0, len(items)), true
	for _, given := range items {
		item, u, err := checkObject(kind, given)
		if err != nil {
			return nil, err
		}
		sound = sound && u == nil && len(item) == len(given)
		if u == nil {
			kept = append(kept, item)
			continue
		}
		if !informs {
			t.skipped(&u.Err)
			continue
		}
		object, err := placeholder(u)
		if err != nil {
			return nil, err
		}
		if item, err = json.Marshal(object); err != nil {
			return nil, fmt.Errorf("encoding a placeholder: %w", err)
		}
		kept = append(kept, item)
	}
	if sound {
		return list, nil
	}
	return withItems(list, kept)
}

// checkObject returns the text of an object that can be decoded, see
// withoutFractions, and the record of one that cannot.
func checkObject(kind string, text []byte) (sound []byte, u *index.Undecodable, err error) {
	sound, _, cause := withoutFractions(kind, text)
	if cause != nil {
		u, err = newUndecodable(kind, text, cause)
	}
	return sound, u, err
}

// withItems replaces the items in the text of a list.
func withItems(text []byte, items []json.RawMessage) ([]byte, error) {
	var list map[string]json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("decoding a list: %w", err)
	}
	kept, err := json.Marshal(items)
	if err != nil {
		return nil, fmt.Errorf("encoding a list: %w", err)
	}
	list["items"] = kept
	return json.Marshal(list)
}

type readCloser struct {
	io.Reader
	io.Closer
}

// brokenReader returns the error of another reader.
type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }
