package apidocs

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Route is a route of the server for the document. The schemas of its bodies and its query parameters are in routeDocs.
type Route struct {
	Method, Path string   // the path without the base; the parameter in braces
	Parameters   []string // the names of the parameters in the path
	Summary      string
	Group        Group

	Body       bool // a request can have a body
	Open       bool // the route needs no authentication
	Protected  bool // the route needs a permission
	AnyVersion bool // the API version of the client is not checked
	Creates    bool // the response is 409 if the object exists with other content
	NotFound   bool // the response is 404 if the object does not exist
}

// Group is the heading of the page under which a route is shown.
type Group string

// The groups, in the order of the page.
const (
	GroupRuns   Group = "task runs"
	GroupFlows  Group = "flows and flow runs"
	GroupLimits Group = "concurrency limits"
	GroupServer Group = "server"
)

// Document is the OpenAPI document of some routes.
type Document struct {
	described func() (document, error)
}

// NewDocument returns the document of the routes, for a version of the interface.
func NewDocument(version string, routes []Route) *Document {
	return &Document{sync.OnceValues(func() (document, error) { return describe(version, routes) })}
}

// Described returns the routes with a description, each as its method and path, sorted.
func Described() []string { return slices.Sorted(maps.Keys(routeDocs)) }

// JSON returns the document for clients that send requests below the base.
func (d *Document) JSON(base string) ([]byte, error) {
	described, err := d.described()
	if err != nil {
		return nil, err
	}
	described.Servers = []documentServer{{URL: cmp.Or(base, "/")}}
	return json.Marshal(described)
}

// components are the schemas, parameters and headers of the document, in the format of OpenAPI.
//
//go:embed components.json
var components []byte

// typeJSON is the media type of bodies.
const typeJSON = "application/json"

// document is an OpenAPI document of version 3.1.
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Info       documentInfo                    `json:"info"`
	Servers    []documentServer                `json:"servers"`
	Paths      map[string]map[string]operation `json:"paths"` // by path and method
	Tags       []documentTag                   `json:"tags"`  // in the order of the page
	Components json.RawMessage                 `json:"components"`
}

type documentInfo struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

type documentServer struct {
	URL string `json:"url"`
}

type documentTag struct {
	Name Group `json:"name"`
}

// operation is the description of a route.
type operation struct {
	OperationID string               `json:"operationId"`
	Tags        []Group              `json:"tags"`
	Summary     string               `json:"summary"`
	Parameters  []reference          `json:"parameters,omitempty"`
	RequestBody *contents            `json:"requestBody,omitempty"`
	Responses   map[string]*contents `json:"responses"` // by status
}

// reference is the name of a component.
type reference struct {
	Ref string `json:"$ref"`
}

// contents is the body of a request, or a response with its body.
type contents struct {
	Description string               `json:"description"`
	Required    bool                 `json:"required,omitempty"`
	Headers     map[string]reference `json:"headers,omitempty"`
	Content     map[string]content   `json:"content,omitempty"` // by media type
}

type content struct {
	Schema  schemaUse       `json:"schema"`
	Example json.RawMessage `json:"example,omitempty"` // of a request
}

// schemaUse is the name of a schema, a list of a schema, or a choice of schemas.
type schemaUse struct {
	Ref   string      `json:"$ref,omitempty"`
	Type  string      `json:"type,omitempty"`
	Items *schemaUse  `json:"items,omitempty"`
	AnyOf []schemaUse `json:"anyOf,omitempty"`
}

// describe returns the document of the routes. Each route needs an entry in routeDocs.
func describe(version string, routes []Route) (document, error) {
	d := document{
		OpenAPI: "3.1.1",
		Info: documentInfo{
			Title: "taskrun-operator", Version: version,
			Description: "Task runs as Kubernetes objects, with the REST interface of a Prefect 3 server.",
		},
		Paths:      map[string]map[string]operation{},
		Tags:       []documentTag{{GroupRuns}, {GroupFlows}, {GroupLimits}, {GroupServer}},
		Components: components,
	}
	for i := range routes {
		rt := &routes[i]
		doc, known := routeDocs[rt.Method+" "+rt.Path]
		if !known {
			return document{}, fmt.Errorf("describe %s %s: no entry in routeDocs", rt.Method, rt.Path)
		}
		if d.Paths[rt.Path] == nil {
			d.Paths[rt.Path] = map[string]operation{}
		}
		o := operationOf(rt, &doc)
		if err := addExample(&o, doc.body); err != nil {
			return document{}, err
		}
		d.Paths[rt.Path][strings.ToLower(rt.Method)] = o
	}
	return d, nil
}

// schemaExamples returns the first example of each schema that has one, by name.
var schemaExamples = sync.OnceValues(func() (map[string]json.RawMessage, error) {
	var all struct {
		Schemas map[string]struct {
			Examples []json.RawMessage `json:"examples"`
		} `json:"schemas"`
	}
	if err := json.Unmarshal(components, &all); err != nil {
		return nil, fmt.Errorf("read the examples: %w", err)
	}
	first := map[string]json.RawMessage{}
	for name, schema := range all.Schemas {
		if len(schema.Examples) > 0 {
			first[name] = schema.Examples[0]
		}
	}
	return first, nil
})

// addExample copies the example of the body's schema to the request, where clients and pages read it.
func addExample(o *operation, body string) error {
	if body == "" {
		return nil
	}
	examples, err := schemaExamples()
	if err != nil {
		return err
	}
	c := o.RequestBody.Content[typeJSON]
	c.Example = examples[body]
	o.RequestBody.Content[typeJSON] = c
	return nil
}

// operationOf describes a route.
func operationOf(rt *Route, doc *routeDoc) operation {
	o := operation{
		OperationID: operationID(rt), Tags: []Group{rt.Group}, Summary: rt.Summary, Responses: map[string]*contents{},
	}
	for _, name := range rt.Parameters {
		o.Parameters = append(o.Parameters, component("parameters", name))
	}
	for _, name := range doc.query {
		o.Parameters = append(o.Parameters, component("parameters", name))
	}
	if !rt.AnyVersion {
		o.Parameters = append(o.Parameters, component("parameters", "ApiVersion"))
	}
	if doc.body != "" {
		o.RequestBody = requestBodyOf(doc)
	}
	responses := commonResponses(rt, doc)
	maps.Copy(responses, doc.responses)
	for status, schema := range responses {
		o.Responses[strconv.Itoa(status)] = responseOf(status, schema, doc)
	}
	return o
}

// commonResponses returns the responses that depend on the properties of a route: the errors that many routes return,
// with the schemas of their bodies (contract §1.1).
func commonResponses(rt *Route, doc *routeDoc) map[int]string {
	a := map[int]string{}
	if !rt.AnyVersion {
		a[http.StatusBadRequest] = "Detail"
	}
	if rt.Body {
		a[http.StatusRequestTimeout] = "Detail"
		a[http.StatusRequestEntityTooLarge] = "Detail"
		a[http.StatusUnsupportedMediaType] = "Detail"
	}
	if rt.Body || len(doc.query) > 0 {
		a[http.StatusUnprocessableEntity] = "Invalid"
	}
	if rt.NotFound {
		a[http.StatusNotFound] = "NotFound"
	}
	if rt.Creates {
		a[http.StatusConflict] = "Detail"
	}
	if acquiresSlots(rt) {
		a[http.StatusLocked] = "Detail"
	}
	if rt.Protected {
		a[http.StatusInternalServerError] = "Message"
	}
	maps.Copy(a, authorizationResponses(rt))
	return a
}

// authorizationResponses returns the responses to callers without identity or permission, and those to all callers while
// the server is busy.
func authorizationResponses(rt *Route) map[int]string {
	a := map[int]string{}
	if rt.Method != http.MethodGet || rt.Protected {
		a[http.StatusForbidden] = "Forbidden"
	}
	if !rt.Open {
		a[http.StatusUnauthorized] = "Refused"
		a[http.StatusServiceUnavailable] = "Message"
	}
	return a
}

// acquiresSlots reports whether a response can report that no slots are free.
func acquiresSlots(rt *Route) bool {
	return strings.HasSuffix(rt.Path, "/increment") || strings.HasSuffix(rt.Path, "/increment-with-lease")
}

func responseOf(status int, schema string, doc *routeDoc) *contents {
	response := &contents{Description: http.StatusText(status)}
	if schema != "" {
		mediaType := typeJSON
		if status == http.StatusOK && doc.content != "" {
			mediaType = doc.content
		}
		response.Content = contentOf(mediaType, named(schema))
	}
	if status == http.StatusLocked || status == http.StatusServiceUnavailable {
		response.Headers = map[string]reference{"Retry-After": component("headers", "RetryAfter")}
	}
	return response
}

func contentOf(mediaType string, schema schemaUse) map[string]content {
	return map[string]content{mediaType: {Schema: schema}}
}

// named returns the schema of that name. [name] is a list of it.
func named(name string) schemaUse {
	if item, list := strings.CutPrefix(name, "["); list {
		return schemaUse{Type: "array", Items: new(named(strings.TrimSuffix(item, "]")))}
	}
	return schemaUse{Ref: component("schemas", name).Ref}
}

// requestBodyOf describes the body of a request. A body that is optional can also be null.
func requestBodyOf(doc *routeDoc) *contents {
	schema := named(doc.body)
	if doc.optional {
		schema = schemaUse{AnyOf: []schemaUse{schema, {Type: "null"}}}
	}
	return &contents{
		Description: "JSON, also if no Content-Type says so.", Required: !doc.optional, Content: contentOf(typeJSON, schema),
	}
}

func component(kind, name string) reference {
	return reference{Ref: "#/components/" + kind + "/" + name}
}

// operationID joins the method and the path to one word.
func operationID(rt *Route) string {
	words := strings.FieldsFunc(rt.Path, func(r rune) bool { return strings.ContainsRune("/{}.-", r) })
	return strings.ToLower(rt.Method) + "_" + strings.Join(words, "_")
}
