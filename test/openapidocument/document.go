// Package openapidocument checks the requests and responses of a server against
// its OpenAPI document. It is for tests.
package openapidocument

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

const typeJSON = "application/json"

// Document is an OpenAPI document.
type Document struct {
	tree *openapi3.T
	base string
}

// Load reads a document and checks that it is valid. base is the prefix of the
// requested paths.
func Load(ctx context.Context, text []byte, base string) (*Document, error) {
	tree, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	if err := tree.Validate(ctx); err != nil {
		return nil, fmt.Errorf("checking the document: %w", err)
	}
	return &Document{tree: tree, base: base}, nil
}

// Operations returns the methods and paths of the document.
func (d *Document) Operations() []string {
	var all []string
	for path, item := range d.tree.Paths.Map() {
		for method := range item.Operations() {
			all = append(all, method+" "+path)
		}
	}
	slices.Sort(all)
	return all
}

// Exchange is a request and its response.
type Exchange struct {
	Request *http.Request // its body is not read
	Sent    []byte
	Status  int
	Header  http.Header // of the response
	Answer  []byte
}

// Check returns the differences between a response and the document, and those of
// the request if its status is 2xx. operation is that of the request. It is "" if
// nothing can be checked: there is no operation, or the response is only about the
// path (a redirect, a wrong method).
func (d *Document) Check(ctx context.Context, e *Exchange) (operation string, err error) {
	route, parameters := d.find(e.Request)
	if route == nil || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusTemporaryRedirect {
		return "", nil
	}
	operation = route.Method + " " + route.Path
	in, err := requestOf(ctx, e, route, parameters)
	if err != nil {
		return operation, err
	}
	if e.Status < http.StatusMultipleChoices && isJSON(e.Sent) {
		if err := openapi3filter.ValidateRequest(ctx, in); err != nil {
			return operation, fmt.Errorf("%s: the request: %w", operation, err)
		}
	}
	if err := checkAnswer(ctx, e, in); err != nil {
		return operation, fmt.Errorf("%s: the answer %d: %w", operation, e.Status, err)
	}
	return operation, nil
}

// checkAnswer checks a body if it is JSON, otherwise only its type.
func checkAnswer(ctx context.Context, e *Exchange, in *openapi3filter.RequestValidationInput) error {
	body, err := unpacked(e)
	if err != nil {
		return err
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: e.Status, Header: e.Header, Options: options(),
	}
	out.SetBodyBytes(body)
	said := e.Header.Get("Content-Type")
	out.Options.ExcludeResponseBody = said != "" && said != typeJSON
	if err := openapi3filter.ValidateResponse(ctx, out); err != nil || !out.Options.ExcludeResponseBody {
		return err
	}
	if in.Route.Operation.Responses.Status(e.Status).Value.Content.Get(said) == nil {
		return fmt.Errorf("its type is %q", said)
	}
	return nil
}

// lowerUUID is stricter than the format, because clients compare ids as texts.
const lowerUUID = `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`

func isTime(text string) error {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{
			openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(lowerUUID)),
			openapi3.WithStringFormatValidator("date-time", openapi3.NewCallbackValidator(isTime)),
		},
	}
}

// isJSON reports whether a body is empty or JSON. A number such as Infinity is
// not, and no document can describe a request with it.
func isJSON(sent []byte) bool { return len(sent) == 0 || json.Valid(withoutMark(sent)) }

// withoutMark removes a byte order mark.
func withoutMark(sent []byte) []byte { return bytes.TrimPrefix(sent, []byte("\ufeff")) }

// requestOf returns a request for the library. Its type is that of the document,
// because many types are accepted as JSON.
func requestOf(
	ctx context.Context, e *Exchange, route *routers.Route, parameters map[string]string,
) (*openapi3filter.RequestValidationInput, error) {
	sent := withoutMark(e.Sent)
	r, err := http.NewRequestWithContext(ctx, e.Request.Method, e.Request.URL.String(), bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	r.Header = e.Request.Header.Clone()
	r.Header.Set("Content-Type", typeJSON)
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: parameters, Route: route, Options: options(),
	}, nil
}

// find returns the operation of a request. A path without a parameter takes
// precedence.
func (d *Document) find(r *http.Request) (*routers.Route, map[string]string) {
	path, inside := strings.CutPrefix(r.URL.EscapedPath(), d.base)
	if !inside {
		return nil, nil
	}
	var (
		found      *routers.Route
		parameters map[string]string
	)
	for template, item := range d.tree.Paths.Map() {
		operation := item.GetOperation(r.Method)
		values, fits := match(template, path)
		if operation == nil || !fits || found != nil && len(values) > 0 {
			continue
		}
		found = &routers.Route{Spec: d.tree, Path: template, PathItem: item, Method: r.Method, Operation: operation}
		parameters = values
	}
	return found, parameters
}

// match returns the parameter of a path, which has at most one.
func match(template, path string) (parameters map[string]string, fits bool) {
	for {
		prefix, rest, has := strings.Cut(template, "{")
		if !has {
			return parameters, path == template
		}
		after, begins := strings.CutPrefix(path, prefix)
		end := strings.IndexByte(after, '/')
		if end < 0 {
			end = len(after)
		}
		text, err := url.PathUnescape(after[:end])
		if !begins || text == "" || err != nil {
			return nil, false
		}
		if parameters == nil {
			parameters = map[string]string{}
		}
		name, suffix, _ := strings.Cut(rest, "}")
		parameters[name] = text
		template, path = suffix, after[end:]
	}
}

// unpacked returns the decompressed body of a response.
func unpacked(e *Exchange) ([]byte, error) {
	if e.Header.Get("Content-Encoding") != "gzip" {
		return e.Answer, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(e.Answer))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
