// Command crdschema adds the parts of a CRD that markers cannot express: that
// times are not lists, the limits of values without a single type (spec.labels,
// numbers), those of the fields of status.conditions, whose type is not ours, and
// rules that are too long to read.
//
// hack/generate.sh runs it after controller-gen:
//
//	crdschema CRD.yaml
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: crdschema CRD.yaml")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "crdschema: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the file the caller names
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	// The object keeps its form: the Go type would add an empty status.
	var object map[string]any
	if err := yaml.Unmarshal(text, &object); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	if err := bound(object); err != nil {
		return err
	}
	body, err := yaml.Marshal(object)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	if err := check(body); err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte("---\n"), body...), 0o644) //nolint:gosec // a file of the repository
}

// labelBounds accepts a text of at most 64 characters, a number and a boolean. A
// list or an object would exceed the limits. The 64 is v1alpha1.MaxLabelText.
var labelBounds = map[string]any{
	"maxLength":     64,
	"minItems":      1,
	"maxItems":      0,
	"minProperties": 1,
	"maxProperties": 0,
}

// conditionBounds are lower than those of metav1.Condition, to keep the largest
// valid object small. They are v1alpha1.MaxConditionType and so on.
var conditionBounds = map[string]map[string]any{
	"type":    {"maxLength": 64},
	"reason":  {"maxLength": 64},
	"message": {"maxLength": 256},
	// The largest integer that every JSON decoder reads exactly; an int64 in Go.
	"observedGeneration": {"maximum": 9007199254740991},
	// The format alone accepts times that Go does not decode. The pattern is that
	// of v1alpha1.MicroTime.
	"lastTransitionTime": {
		"maxLength": 35,
		"pattern":   `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`,
	},
}

// additions are made to the schema of a kind.
var additions = map[string][]func(version any) error{
	"TaskRun":          {boundLabels, boundPolicy, boundConditions, rules},
	"ConcurrencyLimit": {boundDecay, boundConditions},
	"StateProposal":    {boundConditions},
	"FlowRun":          {boundLabels, boundConditions, flowRunRules},
	"RegisteredFlow":   {boundLabels, boundConditions, registeredFlowRules},
	"RunData":          {runDataRules},
}

func bound(object map[string]any) error {
	spec, _ := object["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	if len(versions) == 0 {
		return errors.New("no versions")
	}
	names, _ := spec["names"].(map[string]any)
	kind, _ := names["kind"].(string)
	for _, version := range versions {
		for _, add := range additions[kind] {
			if err := add(version); err != nil {
				return err
			}
		}
		boundFormats(version)
	}
	return nil
}

// boundFormats rejects lists for texts with a format, such as times, because the
// API server accepts a list for such a text, whatever its type is. No list has at
// least one item and none.
func boundFormats(node any) {
	switch node := node.(type) {
	case map[string]any:
		if node["type"] == "string" && node["format"] != nil {
			node["minItems"], node["maxItems"] = 1, 0
		}
		for _, inner := range node {
			boundFormats(inner)
		}
	case []any:
		for _, inner := range node {
			boundFormats(inner)
		}
	}
}

// boundLabels adds the limits of the values of spec.labels.
func boundLabels(version any) error {
	return boundField(version, labelBounds, "labels", "additionalProperties")
}

func boundConditions(version any) error {
	for name, bounds := range conditionBounds {
		field, err := descend(version,
			"schema", "openAPIV3Schema", "properties", "status", "properties", "conditions", "items", "properties", name)
		if err != nil {
			return err
		}
		maps.Copy(field, bounds)
	}
	return nil
}

func descend(from any, path ...string) (map[string]any, error) {
	at, _ := from.(map[string]any)
	for _, name := range path {
		next, ok := at[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("no %q where one was expected", name)
		}
		at = next
	}
	return at, nil
}

// check makes sure that what was written is still a CRD.
func check(body []byte) error {
	if err := yaml.UnmarshalStrict(body, &apiextensionsv1.CustomResourceDefinition{}); err != nil {
		return fmt.Errorf("the result is no CRD: %w", err)
	}
	return nil
}
