// Package openapidocument checks what a server is asked and answers against its
// OpenAPI document. It is for tests.
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

// Load reads a document and checks that it is a sound one. Base is what the
// paths that are asked for begin with.
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

// Operations are the methods and paths that the document has.
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

// Exchange is a request and its answer.
type Exchange struct {
	Request *http.Request // its body is not read
	Sent    []byte
	Status  int
	Header  http.Header // of the answer
	Answer  []byte
}

// Check tells how an answer differs from what the document says of it, and the
// request too if it was taken (status 2xx). The operation is that of the
// request; it is "" where nothing can be checked: there is none, or the answer
// is about the path alone (a redirection, a wrong method).
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

// checkAnswer looks into a body only if it is JSON, and else at its type.
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

// lowerUUID is stricter than the format is: clients compare ids as texts.
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

// isJSON tells whether a body is JSON, or there is none. A number such as Infinity
// is none, and no document can describe a request with it.
func isJSON(sent []byte) bool { return len(sent) == 0 || json.Valid(withoutMark(sent)) }

// withoutMark cuts off a mark of byte order, which means nothing.
func withoutMark(sent []byte) []byte { return bytes.TrimPrefix(sent, []byte("\ufeff")) }

// requestOf is a request as the library wants it. Its type is that of the
// document: many are taken for JSON.
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

// find returns the operation of a request. A path without a parameter goes
// before one with.
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

// match reads the parameters of a path.
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

// unpacked is the body of an answer without its compression.
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
