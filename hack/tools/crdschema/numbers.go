package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// anyNumber accepts a number, written as a number or as a text of at most 32
// characters. Lists and objects would have to be longer than they are allowed to
// be, and the two booleans are excluded by value: an untyped value cannot exclude
// a type.
var anyNumber = map[string]any{
	"maxLength":     32,
	"pattern":       `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$`,
	"not":           map[string]any{"enum": []any{true, false}},
	"minItems":      1,
	"maxItems":      0,
	"minProperties": 1,
	"maxProperties": 0,
}

// positiveNumber accepts a number of at least 0.
var positiveNumber = with(anyNumber, map[string]any{
	"minimum": 0,
	"pattern": `^(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$`,
})

func with(limits, more map[string]any) map[string]any {
	all := maps.Clone(limits)
	maps.Copy(all, more)
	return all
}

// boundDecay adds the limits of the number of a ConcurrencyLimit.
func boundDecay(version any) error { return boundField(version, positiveNumber, "slotDecayPerSecond") }

// boundPolicy adds the limits of the numbers of a TaskRun.
func boundPolicy(version any) error {
	return errors.Join(
		boundField(version, anyNumber, "empiricalPolicy", "properties", "retryDelay", "items"),
		boundField(version, positiveNumber, "empiricalPolicy", "properties", "retryJitterFactor"),
	)
}

// boundField adds limits to a field of spec that has no type.
func boundField(version any, limits map[string]any, path ...string) error {
	field, err := descend(version, append([]string{"schema", "openAPIV3Schema", "properties", "spec", "properties"}, path...)...)
	if err != nil {
		return err
	}
	if untyped, _ := field["x-kubernetes-preserve-unknown-fields"].(bool); !untyped {
		return fmt.Errorf("spec.%s has a type: its limits belong into a marker", strings.Join(path, "."))
	}
	maps.Copy(field, limits)
	return nil
}
