package runinput

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Reasons of rejections (flows contract §2.3).
const (
	reasonNoJSON   = "Run input schema is not valid JSON."
	reasonCircular = "Invalid schema: Unable to validate schema with circular references."
	reasonTooMuch  = "Invalid schema: The validation takes too many steps."
)

// NoSchema is the rejection of an input whose schema does not exist.
func NoSchema() *Error { return &Error{Reason: "Run input schema not found."} }

// Validate checks the input against the text of a JSON schema, which is one of draft
// 2020-12. Error: *Error.
func (in Input) Validate(schema string) error {
	parsed, syntax := pyjson.Parse([]byte(schema))
	if syntax != nil {
		return &Error{Reason: reasonNoJSON}
	}
	compiled, err := compile(plain(parsed))
	if err != nil {
		return &Error{Reason: "Reason: Validation failed. Failure reason: " + schemaText(err, parsed)}
	}
	err = validate(compiled, plain(in.value))
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return &Error{Reason: reasonTooMuch}
	case circular(invalid):
		return &Error{Reason: reasonCircular}
	default:
		return &Error{Reason: "Reason: " + in.describe(invalid)}
	}
}

// schemaURL is the base of the references in a schema.
const schemaURL = "schema:run-input"

// compile compiles a schema. No other document is loaded, whatever the schema refers to.
func compile(schema any) (*jsonschema.Schema, error) {
	if object, ok := schema.(map[string]any); ok {
		delete(object, "$schema") // Prefect has one draft for all schemas
		acceptPydanticV1(object)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(compilePattern)
	c.AssertFormat()
	limitSteps(c, schema)
	if err := c.AddResource(schemaURL, schema); err != nil {
		return nil, err
	}
	return c.Compile(schemaURL)
}

// noLoader loads nothing: the references of a client must not read files or other servers.
type noLoader struct{}

var errNotLoaded = errors.New("not loaded")

// Load returns an error.
func (noLoader) Load(string) (any, error) { return nil, errNotLoaded }

// schemaText returns the text about a schema that cannot be used.
func schemaText(err error, schema pyjson.Value) string {
	var (
		document *jsonschema.LoadURLError
		pointer  *jsonschema.JSONPointerNotFoundError
		invalid  *jsonschema.SchemaValidationError
	)
	switch {
	case errors.As(err, &document):
		return "Unresolvable: " + document.URL
	case errors.As(err, &pointer):
		_, fragment, _ := strings.Cut(pointer.URL, "#")
		return "PointerToNowhere: " + pyjson.Repr(fragment) + " does not exist within " + repr(schema)
	case errors.As(err, &invalid):
		return "Invalid schema: " + invalidText(invalid.Err, schema)
	default:
		return "Invalid schema: " + err.Error()
	}
}

// invalidText returns the text about a schema that breaks the rules for schemas.
func invalidText(err error, schema pyjson.Value) string {
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return Input{schema}.describe(invalid)
	}
	return err.Error()
}

// compilePattern compiles a pattern. One that Go cannot compile, as with lookarounds, is
// not checked.
func compilePattern(pattern string) (jsonschema.Regexp, error) {
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return unchecked(pattern), nil //nolint:nilerr // see above
	}
	return compiled, nil
}

// unchecked is a pattern that every text matches.
type unchecked string

// MatchString returns true.
func (unchecked) MatchString(string) bool { return true }

func (u unchecked) String() string { return string(u) }

// plain returns the value as the validator takes it. Numbers that JSON does not have are
// null, as they are stored.
func plain(value pyjson.Value) any {
	switch value.Kind() {
	case pyjson.Bool:
		return value.Bool()
	case pyjson.Number:
		return plainNumber(value)
	case pyjson.String:
		return value.Text()
	case pyjson.Array:
		items := make([]any, 0, len(value.Items()))
		for _, item := range value.Items() {
			items = append(items, plain(item))
		}
		return items
	case pyjson.Object:
		members := make(map[string]any, len(value.Members()))
		for _, m := range value.Members() {
			members[m.Key] = plain(m.Value)
		}
		return members
	default:
		return nil
	}
}

// plainNumber returns a number, or nil for one that JSON does not have.
func plainNumber(value pyjson.Value) any {
	if !value.Finite() {
		return nil
	}
	return json.Number(value.Text())
}

// parsed returns the value that plain was made from, with its members in the order of
// their keys.
func parsed(value any) pyjson.Value {
	text, err := json.Marshal(value)
	if err != nil {
		return pyjson.Value{}
	}
	back, syntax := pyjson.Parse(text)
	if syntax != nil {
		return pyjson.Value{}
	}
	return back
}
