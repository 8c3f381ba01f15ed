// Package crdschema compares the installed CRDs with those of this version of the
// operator. An API server drops fields that its CRD does not have, without an error, so
// an older CRD loses data that the operator writes.
package crdschema

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/config/crd"
)

// schema is an OpenAPI schema as JSON.
type schema map[string]any

// needed returns the schemas of this version's kinds, by kind.
func needed(group, version string) (map[string]schema, error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	kinds := map[string]schema{}
	for _, file := range files {
		text, err := crd.Bases.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var definition struct {
			Spec struct {
				Group string
				Names struct{ Kind string }

				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema schema }
				}
			}
		}
		if err := yaml.Unmarshal(text, &definition); err != nil {
			return nil, fmt.Errorf("read embedded CRD %s: %w", file, err)
		}
		for _, served := range definition.Spec.Versions {
			if definition.Spec.Group == group && served.Name == version {
				kinds[definition.Spec.Names.Kind] = served.Schema.OpenAPIV3Schema
			}
		}
	}
	return kinds, nil
}

// installed returns the schemas in an OpenAPI v3 document of an API server, by
// kind.
func installed(document []byte, group, version string) (map[string]schema, error) {
	var read struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(document, &read); err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	kinds := map[string]schema{}
	for _, candidate := range read.Components.Schemas {
		named, _ := candidate["x-kubernetes-group-version-kind"].([]any)
		for _, each := range named {
			id, _ := each.(map[string]any)
			if kind, ok := id["kind"].(string); ok && id["group"] == group && id["version"] == version {
				kinds[kind] = candidate
			}
		}
	}
	return kinds, nil
}

// common are the fields that objects of every kind have.
var common = []string{"apiVersion", "kind", "metadata"}

// differences returns the needed fields, types and values that the installed kinds
// lack, each with the path of the field. Additional fields count only if they are
// required.
func differences(needed, installed map[string]schema) []string {
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(needed)) {
		there, ok := installed[kind]
		if !ok {
			found = append(found, kind+" is missing")
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(child(needed[kind], "properties"))) {
			if !slices.Contains(common, name) {
				found = append(found, compareProperty(kind, name, needed[kind], there)...)
			}
		}
	}
	return found
}

func compareProperty(path, name string, needed, installed schema) []string {
	want := child(child(needed, "properties"), name)
	if want == nil {
		return nil
	}
	path += "." + name
	got := child(child(installed, "properties"), name)
	if got == nil {
		return []string{path + " is missing"}
	}
	return compare(path, want, got)
}

// compare returns the differences of two schemas.
func compare(path string, needed, installed schema) []string {
	if preserved, _ := installed["x-kubernetes-preserve-unknown-fields"].(bool); preserved {
		return nil
	}
	want, got := needed["type"], installed["type"]
	if want != nil && got != nil && want != got {
		return []string{fmt.Sprintf("%s has the type %v instead of %v", path, got, want)}
	}
	found := compareEnum(path, needed, installed)
	found = append(found, unknownRequired(path, needed, installed)...)
	for _, name := range slices.Sorted(maps.Keys(child(needed, "properties"))) {
		found = append(found, compareProperty(path, name, needed, installed)...)
	}
	found = append(found, compareElements(path+"[]", "items", needed, installed)...)
	return append(found, compareElements(path+"{}", "additionalProperties", needed, installed)...)
}

// compareElements compares the schemas of the elements of a list or map.
func compareElements(path, key string, needed, installed schema) []string {
	want, got := child(needed, key), child(installed, key)
	anything, _ := installed[key].(bool)
	switch {
	case want == nil || anything:
		return nil
	case got == nil:
		return []string{path + " is missing"}
	default:
		return compare(path, want, got)
	}
}

// compareEnum finds values that are needed and not allowed.
func compareEnum(path string, needed, installed schema) []string {
	want, _ := needed["enum"].([]any)
	allowed, limited := installed["enum"].([]any)
	if !limited {
		return nil
	}
	var found []string
	for _, value := range want {
		if !slices.ContainsFunc(allowed, func(other any) bool { return reflect.DeepEqual(value, other) }) {
			found = append(found, fmt.Sprintf("%s does not allow the value %v", path, value))
		}
	}
	return found
}

// unknownRequired finds required fields that this version does not have.
func unknownRequired(path string, needed, installed schema) []string {
	required, _ := installed["required"].([]any)
	var found []string
	for _, each := range required {
		name, _ := each.(string)
		if child(child(needed, "properties"), name) == nil {
			found = append(found, path+"."+name+" is required and not known to this version")
		}
	}
	return found
}

// child returns the object under a key, nil for none.
func child(parent schema, key string) schema {
	switch object := parent[key].(type) {
	case map[string]any:
		return object
	case schema:
		return object
	default:
		return nil
	}
}
