// Command crdschema adds to the rendered CRD what no marker can state: the
// bounds of spec.labels' values, which have no single type, those of the texts of
// status.conditions, whose type is not ours, and the rules that are too long to be
// read.
//
// It is run by hack/generate.sh, after controller-gen:
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
	// The object is kept as it is, but for what is added: the Go type would bring
	// an empty status along.
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

// labelBounds let in a text of at most 64 characters, a number and a boolean: a
// list or an object would have to be longer than it may be. The 64 is
// v1alpha1.MaxLabelText.
var labelBounds = map[string]any{
	"maxLength":     64,
	"minItems":      1,
	"maxItems":      0,
	"minProperties": 1,
	"maxProperties": 0,
}

// conditionBounds are tighter than those of metav1.Condition: the longest legal
// object is to stay small. They are v1alpha1.MaxConditionType and so on.
var conditionBounds = map[string]int{"type": 64, "reason": 64, "message": 256}

func bound(object map[string]any) error {
	spec, _ := object["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	if len(versions) == 0 {
		return errors.New("no versions")
	}
	for _, version := range versions {
		if err := errors.Join(boundLabels(version), boundConditions(version), rules(version)); err != nil {
			return err
		}
	}
	return nil
}

func boundLabels(version any) error {
	value, err := descend(version,
		"schema", "openAPIV3Schema", "properties", "spec", "properties", "labels", "additionalProperties")
	if err != nil {
		return err
	}
	if untyped, _ := value["x-kubernetes-preserve-unknown-fields"].(bool); !untyped {
		return errors.New("the values of spec.labels have a type: their bounds belong into a marker")
	}
	maps.Copy(value, labelBounds)
	return nil
}

func boundConditions(version any) error {
	for name, most := range conditionBounds {
		text, err := descend(version,
			"schema", "openAPIV3Schema", "properties", "status", "properties", "conditions", "items", "properties", name)
		if err != nil {
			return err
		}
		text["maxLength"] = most
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
