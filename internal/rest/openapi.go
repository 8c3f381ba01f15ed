package rest

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// components are the schemas, parameters and headers that the document is made
// of, as OpenAPI has them.
//
//go:embed openapi/components.json
var components []byte

// document is an OpenAPI document, of version 3.1.
type document struct {
	OpenAPI    string                          `json:"openapi"`
	Info       documentInfo                    `json:"info"`
	Servers    []documentServer                `json:"servers"`
	Paths      map[string]map[string]operation `json:"paths"` // by path and method
	Tags       []documentTag                   `json:"tags"`  // in the order in which they are shown
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
	Name string `json:"name"`
}

// What the page shows routes among.
const (
	groupRuns   = "task runs"
	groupLimits = "concurrency limits"
	groupServer = "server"
)

// operation is what a document says of a route.
type operation struct {
	OperationID string               `json:"operationId"`
	Tags        []string             `json:"tags"`
	Summary     string               `json:"summary"`
	Parameters  []reference          `json:"parameters,omitempty"`
	RequestBody *contents            `json:"requestBody,omitempty"`
	Responses   map[string]*contents `json:"responses"` // by status
}

// reference names something among the components.
type reference struct {
	Ref string `json:"$ref"`
}

// contents are a body, or an answer with what may be its body.
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

// schemaUse names a schema, or a list of what it describes, or a choice.
type schemaUse struct {
	Ref   string      `json:"$ref,omitempty"`
	Type  string      `json:"type,omitempty"`
	Items *schemaUse  `json:"items,omitempty"`
	AnyOf []schemaUse `json:"anyOf,omitempty"`
}

// documentsOf returns what writes the document of the routes, as JSON, for those
// who ask below a base.
func documentsOf(routes []route) func(base string) ([]byte, error) {
	described := sync.OnceValues(func() (document, error) { return describe(routes) })
	return func(base string) ([]byte, error) {
		d, err := described()
		if err != nil {
			return nil, err
		}
		d.Servers = []documentServer{{URL: cmp.Or(base, "/")}}
		return json.Marshal(d)
	}
}

// describe returns the document of the routes. Every route needs an entry in
// routeDocs.
func describe(routes []route) (document, error) {
	d := document{
		OpenAPI: "3.1.1",
		Info: documentInfo{
			Title: "taskrun-operator", Version: apiVersion,
			Description: "Task runs as Kubernetes objects, with the REST interface of a Prefect 3 server.",
		},
		Paths:      map[string]map[string]operation{},
		Tags:       []documentTag{{groupRuns}, {groupLimits}, {groupServer}},
		Components: components,
	}
	for i := range routes {
		rt := &routes[i]
		if rt.talk != nil {
			continue // OpenAPI has no words for websockets
		}
		doc, known := routeDocs[rt.method+" "+rt.path]
		if !known {
			return document{}, fmt.Errorf("%s %s is not described", rt.method, rt.path)
		}
		if d.Paths[rt.path] == nil {
			d.Paths[rt.path] = map[string]operation{}
		}
		o := operationOf(rt, &doc)
		if err := addExample(&o, doc.body); err != nil {
			return document{}, err
		}
		d.Paths[rt.path][strings.ToLower(rt.method)] = o
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
		return nil, fmt.Errorf("reading the examples: %w", err)
	}
	first := map[string]json.RawMessage{}
	for name, schema := range all.Schemas {
		if len(schema.Examples) > 0 {
			first[name] = schema.Examples[0]
		}
	}
	return first, nil
})

// addExample shows the example of the body's schema beside the request, where clients
// and pages look for it.
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
func operationOf(rt *route, doc *routeDoc) operation {
	o := operation{
		OperationID: operationID(rt), Tags: []string{rt.group()}, Summary: rt.summary, Responses: map[string]*contents{},
	}
	if parameter := shapeOf(rt.path).parameter; parameter != "" {
		o.Parameters = append(o.Parameters, component("parameters", strings.Trim(parameter, "{}")))
	}
	for _, name := range doc.query {
		o.Parameters = append(o.Parameters, component("parameters", name))
	}
	if !rt.anyVersion {
		o.Parameters = append(o.Parameters, component("parameters", "ApiVersion"))
	}
	if doc.body != "" {
		o.RequestBody = requestBodyOf(doc)
	}
	statuses := commonAnswers(rt, doc)
	maps.Copy(statuses, doc.answers)
	for status, schema := range statuses {
		o.Responses[strconv.Itoa(status)] = answerOf(status, schema, doc)
	}
	return o
}

// commonAnswers are those that a route gives because of what it is: faults that
// many routes can find, and the schemas they are told in (contract §1.1).
func commonAnswers(rt *route, doc *routeDoc) map[int]string {
	a := map[int]string{}
	if !rt.anyVersion {
		a[http.StatusBadRequest] = "Detail"
	}
	if rt.body {
		a[http.StatusRequestTimeout] = "Detail"
		a[http.StatusRequestEntityTooLarge] = "Detail"
		a[http.StatusUnsupportedMediaType] = "Detail"
	}
	if rt.body || len(doc.query) > 0 {
		a[http.StatusUnprocessableEntity] = "Invalid"
	}
	if rt.explainGone != nil {
		a[http.StatusNotFound] = "NotFound"
	}
	if rt.verb == VerbCreate {
		a[http.StatusConflict] = "Detail"
	}
	if takesSlots(rt) {
		a[http.StatusLocked] = "Detail"
	}
	if rt.resource != ResourceNone {
		a[http.StatusInternalServerError] = "Message"
	}
	maps.Copy(a, answersAtTheDoor(rt))
	return a
}

// answersAtTheDoor are those of callers who are not let in, or not now.
func answersAtTheDoor(rt *route) map[int]string {
	a := map[int]string{}
	if rt.method != http.MethodGet || rt.resource != ResourceNone {
		a[http.StatusForbidden] = "Forbidden"
	}
	if !rt.open {
		a[http.StatusUnauthorized] = "Refused"
		a[http.StatusServiceUnavailable] = "Message"
	}
	return a
}

// takesSlots tells whether a route can find that there are no free slots.
func takesSlots(rt *route) bool {
	return strings.HasSuffix(rt.path, "/increment") || strings.HasSuffix(rt.path, "/increment-with-lease")
}

func answerOf(status int, schema string, doc *routeDoc) *contents {
	answer := &contents{Description: http.StatusText(status)}
	if schema != "" {
		mediaType := typeJSON
		if status == http.StatusOK && doc.content != "" {
			mediaType = doc.content
		}
		answer.Content = contentOf(mediaType, named(schema))
	}
	if status == http.StatusLocked || status == http.StatusServiceUnavailable {
		answer.Headers = map[string]reference{"Retry-After": component("headers", "RetryAfter")}
	}
	return answer
}

func contentOf(mediaType string, schema schemaUse) map[string]content {
	return map[string]content{mediaType: {Schema: schema}}
}

// named is the schema of a name; that of [name] is a list.
func named(name string) schemaUse {
	if item, list := strings.CutPrefix(name, "["); list {
		return schemaUse{Type: "array", Items: new(named(strings.TrimSuffix(item, "]")))}
	}
	return schemaUse{Ref: component("schemas", name).Ref}
}

// requestBodyOf describes the body of a request. Where it is optional, null stands for none.
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

// operationID is a word made of the method and the path.
func operationID(rt *route) string {
	words := strings.FieldsFunc(rt.path, func(r rune) bool { return strings.ContainsRune("/{}.-", r) })
	return strings.ToLower(rt.method) + "_" + strings.Join(words, "_")
}

// group is what the page shows a route among.
func (rt *route) group() string {
	switch rt.resource {
	case ResourceTaskRuns:
		return groupRuns
	case ResourceConcurrencyLimits:
		return groupLimits
	default:
		return groupServer
	}
}
