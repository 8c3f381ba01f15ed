package main

import (
	"errors"
	"fmt"
	"strings"
)

// flowRunFields are the fixed fields of a FlowRun.
var flowRunFields = fixed{"FlowRun", []string{
	"id", "flowName", "flowID", "flowVersion", "context", "contextJSON", "contextDataName", "jobVariables", "jobVariablesJSON",
	"jobVariablesDataName", "labels", "idempotencyKey", "parentTaskRunID", "deploymentID", "deploymentVersion", "workQueueName",
	"infrastructurePID", "autoScheduled", "createdBy", "initialState", "origin",
}}

// flowRunTexts are the texts of a FlowRun's spec. The objects do not count: CEL does not look into them.
var flowRunTexts = specTexts{
	limit: 7168, mutable: []string{"name", "tags", "parametersJSON"},
	most: strings.Join([]string{
		mostOfTags, mostOfLabels, "size(s.?origin.?wire.orValue(\"\"))", sizes("s", "parametersJSON", "contextJSON", "jobVariablesJSON"),
		mostOfState("?s.?initialState"),
	}, " + "),
	least: 3584,
	all: strings.Join([]string{
		sizes("self.spec", "name", "flowVersion", "parametersJSON", "contextJSON", "jobVariablesJSON", "idempotencyKey",
			"deploymentVersion", "workQueueName", "infrastructurePID"),
		"[?self.spec.?createdBy].map(c, " + sizes("c", "type", "displayValue") + ").sum()",
		tagTexts, labelTexts, wireTexts, initialStateTexts,
	}, " + "),
	counts: "a state counts 128 more, a value of labels 64",
}

// flowRunRules puts the long rules of a FlowRun before those of the markers.
func flowRunRules(version any) error {
	root, err := descend(version, "schema", "openAPIV3Schema")
	if err != nil {
		return err
	}
	status, err := descend(root, "properties", "status")
	if err != nil {
		return err
	}
	effective, err := descend(status, "properties", "effective")
	if err != nil {
		return err
	}
	keys, err := descend(status, "properties", "pauseKeys")
	if err != nil {
		return err
	}
	return errors.Join(
		prepend(root, flowRunFields.immutability(), newForms(), changedForms(), textsOfNewSpec(flowRunTexts), textsOfChangedSpec(flowRunTexts)),
		prepend(status, textsOfStatus()),
		prepend(keys, textsTogether("pauseKeys", 1024)),
		prepend(effective, textsOfEffective(4096, "flowVersion", "parametersJSON", "infrastructurePID", "jobVariablesJSON", "wire")),
	)
}

// newForms admits one way to name the flow, and one form of each value that has three, when a run is made.
func newForms() map[string]any {
	return map[string]any{
		"rule": "oldSelf.hasValue() || [self.spec].exists(s, has(s.flowName) != has(s.flowID) && " +
			oneForm("parameters") + " && " + oneForm("context") + " && " + oneForm("jobVariables") + ")",
		"message": "set flowName or flowID, exactly one, and at most one of parameters, parametersJSON and parametersDataName; " +
			"likewise for context and jobVariables",
		"fieldPath":       ".spec",
		"optionalOldSelf": true,
	}
}

// changedForms admits one form of the parameters, which can change.
func changedForms() map[string]any {
	return map[string]any{
		"rule":      statusChanged + " || [self.spec].exists(s, " + oneForm("parameters") + ")",
		"message":   "set at most one of parameters, parametersJSON and parametersDataName",
		"fieldPath": ".spec",
	}
}

// oneForm is true if at most one of the three forms of a value is there.
func oneForm(field string) string {
	return fmt.Sprintf("(has(s.%[1]s) ? !has(s.%[1]sJSON) && !has(s.%[1]sDataName) : !has(s.%[1]sJSON) || !has(s.%[1]sDataName))", field)
}

// textsTogether limits the texts of a list.
func textsTogether(field string, limit int) map[string]any {
	return map[string]any{
		"rule":    fmt.Sprintf("self.map(t, size(t)).sum() <= %d", limit),
		"message": fmt.Sprintf("%s have at most %d characters together", field, limit),
	}
}

// registeredFlowRules puts the long rules of a RegisteredFlow before those of the markers.
func registeredFlowRules(version any) error {
	root, err := descend(version, "schema", "openAPIV3Schema")
	if err != nil {
		return err
	}
	tags, err := descend(root, "properties", "status", "properties", "effective", "properties", "tags")
	if err != nil {
		return err
	}
	fields := fixed{"RegisteredFlow", []string{"id", "name", "origin"}}
	texts := strings.Join([]string{tagTexts, labelTexts, "[?self.spec.?origin.?wire].map(w, size(w)).sum()"}, " + ")
	return errors.Join(
		prepend(root, fields.immutability(), map[string]any{
			"rule":      texts + " <= 4096",
			"message":   "tags and labels have at most 4096 characters together (a value of labels counts 64)",
			"fieldPath": ".spec",
		}),
		prepend(tags, textsTogether("tags", 4096)),
	)
}

// runDataFields are the fields of a RunData: all that are always set, and all others.
var runDataFields = struct{ set, optional []string }{
	set:      []string{"type", "text"},
	optional: []string{"key", "runID", "id", "sender", "createdTime"},
}

// runDataRules rejects every change of a RunData.
func runDataRules(version any) error {
	root, err := descend(version, "schema", "openAPIV3Schema")
	if err != nil {
		return err
	}
	var same []string
	for _, field := range runDataFields.set {
		same = append(same, fmt.Sprintf("self.%[1]s == oldSelf.%[1]s", field))
	}
	for _, field := range runDataFields.optional {
		same = append(same, fmt.Sprintf("self.?%[1]s in [oldSelf.?%[1]s]", field))
	}
	return prepend(root, map[string]any{
		"rule":    strings.Join(same, " && "),
		"message": "a RunData is immutable: create another one",
	})
}
