package runinput

// acceptPydanticV1 changes a schema that pydantic 1 made to what it means in draft
// 2020-12, as Prefect does (flows contract §2.3): a property that is neither required nor
// has a default can be null, and a list of items describes a tuple.
func acceptPydanticV1(schema map[string]any) {
	acceptProperties(schema)
	for _, definition := range objectAt(schema, "definitions") {
		if definition, ok := definition.(map[string]any); ok {
			acceptProperties(definition)
		}
	}
}

func acceptProperties(schema map[string]any) {
	required := map[string]bool{}
	for _, name := range listAt(schema, "required") {
		if name, ok := name.(string); ok {
			required[name] = true
		}
	}
	for name, property := range objectAt(schema, "properties") {
		if property, ok := property.(map[string]any); ok {
			acceptProperty(property, required[name])
			acceptProperties(property)
		}
	}
}

func acceptProperty(property map[string]any, required bool) {
	kind, typed := property["type"]
	_, hasDefault := property["default"]
	if typed && kind != "null" && !hasDefault && !required {
		property["anyOf"] = []any{map[string]any{"type": kind}, map[string]any{"type": "null"}}
		delete(property, "type")
	}
	if items := listAt(property, "items"); len(items) > 0 && len(listAt(property, "prefixItems")) == 0 {
		property["prefixItems"] = items
		delete(property, "items")
	}
}

// objectAt returns the object that is a member, nil if there is none.
func objectAt(object map[string]any, key string) map[string]any {
	member, _ := object[key].(map[string]any)
	return member
}

// listAt returns the array that is a member, nil if there is none.
func listAt(object map[string]any, key string) []any {
	member, _ := object[key].([]any)
	return member
}
