package runinput

import (
	"errors"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxSteps limits the work of one validation: a step is to apply a schema to a value, or
// to look at a member or an item of a schema. Without a limit, a schema of a few hundred
// bytes whose parts refer to each other is validated for hours.
const maxSteps = 500_000

var errTooManySteps = errors.New("too many steps")

// stepFormat begins the names of the formats that count steps.
const stepFormat = "steps-"

// limitSteps makes the validation panic with errTooManySteps after maxSteps: the library
// has no other way to end one. It gives each schema in the document a format that counts
// the steps of an application. Prefect does not check formats, so the format of the
// schema itself is not missed.
func limitSteps(c *jsonschema.Compiler, document any) {
	left := maxSteps
	registered := map[int]bool{}
	eachSchema(document, func(schema map[string]any) {
		steps := size(schema)
		name := stepFormat + strconv.Itoa(steps)
		schema["format"] = name
		if registered[steps] {
			return
		}
		registered[steps] = true
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(any) error {
			if left -= steps; left < 0 {
				panic(errTooManySteps)
			}
			return nil
		}})
	})
}

// validate validates a value. Error: *jsonschema.ValidationError, or errTooManySteps.
func validate(schema *jsonschema.Schema, value any) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			if caught != any(errTooManySteps) {
				panic(caught)
			}
			err = errTooManySteps
		}
	}()
	return schema.Validate(value)
}

// size is the number of members of a schema, and of the items and members of those.
func size(schema map[string]any) int {
	n := 1 + len(schema)
	for _, member := range schema {
		switch member := member.(type) {
		case []any:
			n += len(member)
		case map[string]any:
			n += len(member)
		}
	}
	return n
}

// eachSchema calls visit with every object in the document that is a schema, or that a
// reference can make one. Among the data in a schema, these are the objects that refer to
// others.
func eachSchema(value any, visit func(schema map[string]any)) { schemasIn(value, false, visit) }

func schemasIn(value any, isData bool, visit func(schema map[string]any)) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			schemasIn(item, isData, visit)
		}
	case map[string]any:
		for key, member := range value {
			schemasOf(key, member, isData, visit)
		}
		if !isData || refers(value) {
			visit(value)
		}
	}
}

// schemasOf is schemasIn for a member of an object.
func schemasOf(key string, member any, isData bool, visit func(schema map[string]any)) {
	object, isObject := member.(map[string]any)
	if !isObject || !ofSchemas(key) {
		schemasIn(member, isData || ofData(key), visit)
		return
	}
	for _, schema := range object {
		schemasIn(schema, isData, visit)
	}
}

// ofSchemas reports whether a keyword has an object whose members are schemas.
func ofSchemas(keyword string) bool {
	switch keyword {
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
		return true
	default:
		return false
	}
}

// ofData reports whether a keyword has a value that is no schema.
func ofData(keyword string) bool {
	switch keyword {
	case "enum", "const", "dependentRequired", "$vocabulary":
		return true
	default:
		return false
	}
}

func refers(object map[string]any) bool {
	return object["$ref"] != nil || object["$dynamicRef"] != nil
}
