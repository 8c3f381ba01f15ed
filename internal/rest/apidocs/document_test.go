package apidocs

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"
)

func TestNewDocument_routeWithoutDescription(t *testing.T) {
	t.Parallel()
	if text, err := NewDocument("1", []Route{{Method: http.MethodGet, Path: "/nope"}}).JSON("/api"); err == nil {
		t.Errorf("document = %s, want an error", text)
	}
}

// The library that reads the document checks only references of served routes.
func TestDocument_everyReferenceIsToAComponent(t *testing.T) {
	t.Parallel()
	var parts map[string]map[string]json.RawMessage
	if err := json.Unmarshal(components, &parts); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"": true}
	used := map[string]bool{}
	for _, found := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllSubmatch(components, -1) {
		used[string(found[1])] = true
	}
	for name := range parts["schemas"] {
		names[name] = true
	}
	word := regexp.MustCompile(`\w*`)
	for route, doc := range routeDocs {
		for _, name := range append(slices.Collect(maps.Values(doc.responses)), doc.body) {
			name := word.FindString(trimList(name))
			used[name] = true
			if !names[name] {
				t.Errorf("%s: there is no schema %q", route, name)
			}
		}
	}
	for _, name := range []string{"Detail", "Message", "Invalid", "NotFound", "Refused", "Forbidden"} { // referenced by rules
		used[name] = true
	}
	for name := range used {
		if !names[name] {
			t.Errorf("there is no schema %q", name)
		}
	}
	for name := range names {
		if !used[name] {
			t.Errorf("the schema %q is of no use", name)
		}
	}
}

// trimList returns the name of the items of a list.
func trimList(name string) string {
	if name != "" && name[0] == '[' {
		return name[1 : len(name)-1]
	}
	return name
}

// Each schema of a body has exactly one example, so that the document shows it.
func TestDocument_everyRequestBodyHasOneExample(t *testing.T) {
	t.Parallel()
	var parts struct {
		Schemas map[string]struct{ Examples []json.RawMessage }
	}
	if err := json.Unmarshal(components, &parts); err != nil {
		t.Fatal(err)
	}
	for route, doc := range routeDocs {
		if examples := parts.Schemas[doc.body].Examples; doc.body != "" && len(examples) != 1 {
			t.Errorf("%s: %d examples of a body, want 1", route, len(examples))
		}
	}
}
