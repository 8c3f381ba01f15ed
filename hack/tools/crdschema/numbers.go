package main

import (
	"errors"
	"maps"
)

// positiveNumber accepts a number of at least 0, written as a number or as a text
// of at most 32 characters. Lists and objects would have to be longer than they
// are allowed to be, and the two booleans are excluded by value: an untyped value
// cannot exclude a type.
var positiveNumber = map[string]any{
	"minimum":       0,
	"maxLength":     32,
	"pattern":       `^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$`,
	"not":           map[string]any{"enum": []any{true, false}},
	"minItems":      1,
	"maxItems":      0,
	"minProperties": 1,
	"maxProperties": 0,
}

func boundDecay(version any) error {
	value, err := descend(version, "schema", "openAPIV3Schema", "properties", "spec", "properties", "slotDecayPerSecond")
	if err != nil {
		return err
	}
	return boundNumber(value, positiveNumber)
}

// boundNumber adds limits to a value of type v1alpha1.Number.
func boundNumber(value, limits map[string]any) error {
	if untyped, _ := value["x-kubernetes-preserve-unknown-fields"].(bool); !untyped {
		return errors.New("a number has a type: its limits belong into a marker")
	}
	maps.Copy(value, limits)
	return nil
}
