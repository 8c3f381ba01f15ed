package main

import (
	"errors"
	"fmt"
	"strings"
)

// The long rules of the CRD are generated here from lists of fields, because they would be unreadable in a marker. All
// rules read as few fields as possible, as docs/architecture.md explains under "What rules cost".

// fixed are the fields of spec that keep the value, or the absence, of the create. initialState does too: a rule at that
// field rejects another value and says how to change the state, and the rule here rejects that it is added or removed.
type fixed struct {
	kind   string
	fields []string
}

// taskRunFields are those of a TaskRun.
var taskRunFields = fixed{"TaskRun", []string{
	"id", "flowRunID", "taskKey", "dynamicKey", "cacheKey", "cacheExpiration", "taskVersion", "empiricalPolicy", "labels",
	"taskInputs", "initialState", "origin",
}}

// required are those of them that are always set.
var required = map[string]bool{"taskKey": true}

// presence are those for which the rule only checks whether they are set.
var presence = map[string]bool{"initialState": true}

// untyped are the fields of spec that CEL has no type for.
var untyped = map[string]bool{"labels": true, "parameters": true, "context": true, "jobVariables": true}

// wirePolicy is the number of characters of origin.wire that do not count: the maximum size of a policy there, and the
// braces.
const wirePolicy = "264"

// statusChanged is true for a write that changes the number of fields of status, or status.updatedTime. Such a write
// came through the status subresource, where kube-apiserver itself keeps spec. The list of one element is for
// Kubernetes 1.32, whose estimate has no upper limit for the comparison of two optional values.
const statusChanged = `[?self.?status].exists(s, ![?oldSelf.?status].exists(o, ` +
	`size(dyn(s)) == size(dyn(o)) && s.?updatedTime in [o.?updatedTime]))`

// rules puts the long rules before those of the markers.
func rules(version any) error {
	root, err := descend(version, "schema", "openAPIV3Schema")
	if err != nil {
		return err
	}
	status, err := descend(root, "properties", "status")
	if err != nil {
		return err
	}
	inputs, err := descend(root, "properties", "spec", "properties", "taskInputs")
	if err != nil {
		return err
	}
	effective, err := descend(status, "properties", "effective")
	if err != nil {
		return err
	}
	return errors.Join(
		prepend(root, taskRunFields.immutability(), textsOfNewSpec(taskRunTexts), textsOfChangedSpec(taskRunTexts)),
		prepend(status, textsOfStatus()),
		prepend(inputs, sourcesOfInputs()),
		prepend(effective, textsOfEffective(2048, "flowRunID", "taskKey", "dynamicKey", "cacheKey", "taskVersion", "wire")),
	)
}

// prepend puts rules before those that a schema has.
func prepend(schema map[string]any, rules ...map[string]any) error {
	const key = "x-kubernetes-validations"
	var all []any
	for _, rule := range rules {
		all = append(all, rule)
	}
	if there, ok := schema[key]; ok {
		list, ok := there.([]any)
		if !ok {
			return fmt.Errorf("%s is no list", key)
		}
		all = append(all, list...)
	}
	schema[key] = all
	return nil
}

// immutability rejects a write that changes, adds or removes immutable fields, and names them all.
func (f fixed) immutability() map[string]any {
	kept := make([]string, 0, len(f.fields))
	names := make([]string, 0, len(f.fields))
	for _, field := range f.fields {
		kept = append(kept, "!("+changed(field)+")")
		names = append(names, "(("+changed(field)+") ? '"+field+" is immutable; ' : '')")
	}
	return map[string]any{
		"rule":    statusChanged + " || (" + strings.Join(kept, " && ") + ")",
		"message": "immutable fields of spec were changed, added or removed",
		"messageExpression": strings.Join(names, " + ") +
			" + 'such a field can be neither changed nor added nor removed: create a new " + f.kind + " instead'",
		"fieldPath": ".spec",
	}
}

// changed returns an expression that is true if the field of spec has changed.
func changed(field string) string {
	now, old := "self.spec", "oldSelf.spec"
	if untyped[field] {
		now, old = "dyn("+now+")", "dyn("+old+")"
	}
	now, old = now+"."+field, old+"."+field
	switch {
	case required[field]:
		return now + " != " + old
	case presence[field]:
		return "has(" + now + ") != has(" + old + ")"
	}
	return fmt.Sprintf("has(%[1]s) ? !has(%[2]s) || %[1]s != %[2]s : has(%[2]s)", now, old)
}

// size returns the length of an optional text of an object.
func size(object, field string) string { return fmt.Sprintf(`size(%s.?%s.orValue(""))`, object, field) }

// sizes returns the total length of optional texts of an object.
func sizes(object string, fields ...string) string {
	sum := make([]string, 0, len(fields))
	for _, field := range fields {
		sum = append(sum, size(object, field))
	}
	return strings.Join(sum, " + ")
}

// entries returns the total length of all keys and values of a map of texts.
func entries(path string) string {
	return fmt.Sprintf("%[1]s.map(k, size(k) + size(%[1]s[k])).sum()", path)
}

// textsOfState returns the texts of the state with the variable s at the path, and the fixed size of a state. Loops
// need a path from self, because kube-apiserver knows the maximum length only of such a path.
func textsOfState(path string) string {
	keyset := path + ".stateDetails.runInputKeyset"
	return "128 + " + sizes("s", "name", "message", "dataJSON") + " + [?s.?stateDetails].map(d, " +
		sizes("d", "cacheKey", "pauseKey", "traceparent") + " + (has(d.runInputKeyset) ? " + entries(keyset) + " : 0)).sum()"
}

// mostOfState returns the maximum size of the texts of a state, computed from its long texts only.
func mostOfState(path string) string {
	return "[" + path + `].map(t, 384 + ` + sizes("t", "message", "dataJSON") + " + [?t.?stateDetails].map(d, 768 + " +
		size("d", "cacheKey") + " + 512 * size(d.?runInputKeyset.orValue({}))).sum()).sum()"
}

// specTexts are the texts of a spec that have a limit together.
type specTexts struct {
	limit   int
	mutable []string // fields that can change, and have texts
	most    string   // the most that the texts of the spec that is called s can come to
	least   int      // what most leaves out is no longer than limit - least
	all     string   // the length of all texts
	counts  string   // what else counts, for the message
}

// taskRunTexts are those of a TaskRun.
var taskRunTexts = specTexts{
	limit: 12288, mutable: []string{"name", "tags"},
	most: strings.Join([]string{
		mostOfTags, mostOfLabels, "size(s.?origin.?wire.orValue(\"\"))",
		"[?s.?taskInputs].map(i, self.spec.taskInputs.map(a, 128 + 276 * size(a.?sources.orValue([]))).sum()).sum()",
		mostOfState("?s.?initialState"),
	}, " + "),
	least: 7984,
	all: strings.Join([]string{
		"size(self.spec.taskKey)", sizes("self.spec", "name", "dynamicKey", "cacheKey", "taskVersion"),
		tagTexts, labelTexts, wireTexts,
		ifThere("self.spec.taskInputs", "self.spec.taskInputs.map(a, size(a.name) + (has(a.sources) ? a.sources.map(i, 20 + "+
			sizes("i", "name", "type", "taskRunName")+").sum() : 0)).sum()"),
		initialStateTexts,
	}, " + "),
	counts: "a state counts 128 more, a value of labels 64, a source of an input 20",
}

// Parts of such texts: what tags and labels can come to, and the lengths of what there is.
var (
	mostOfTags, mostOfLabels = "256 * size(s.?tags.orValue([]))", "192 * size(dyn(s).?labels.orValue({}))"

	tagTexts   = ifThere("self.spec.tags", "self.spec.tags.map(t, size(t)).sum()")
	labelTexts = ifThere("dyn(self.spec).labels", "dyn(self.spec).labels.map(k, size(k) + 64).sum()")
	wireTexts  = "[?self.spec.?origin.?wire].map(w, size(w) <= " + wirePolicy + " ? 0 : size(w) - " + wirePolicy + ").sum()"

	initialStateTexts = "[?self.spec.?initialState].map(s, " + textsOfState("self.spec.initialState") + ").sum()"
)

// textsOfNewSpec limits all texts of spec when it is made.
func textsOfNewSpec(texts specTexts) map[string]any {
	rule := texts.limitOnSpec("oldSelf.hasValue()")
	rule["optionalOldSelf"] = true
	return rule
}

// textsOfChangedSpec limits all texts of spec when they can have grown. It is a rule of its own, for in Kubernetes 1.32 an
// optional oldSelf has texts where self has times, and no comparison of the two is true.
func textsOfChangedSpec(texts specTexts) map[string]any {
	var unchanged []string
	for _, field := range texts.mutable {
		unchanged = append(unchanged, fmt.Sprintf(
			"(!has(self.spec.%[1]s) || (has(oldSelf.spec.%[1]s) && self.spec.%[1]s == oldSelf.spec.%[1]s))", field))
	}
	return texts.limitOnSpec(statusChanged + " || (" + strings.Join(unchanged, " && ") + ")")
}

// sourcesOfInputs limits the sources of all arguments together. The named ones are counted only if there are more
// sources than the maximum of named ones.
func sourcesOfInputs() map[string]any {
	all := "self.map(a, size(a.?sources.orValue([]))).sum()"
	named := "self.map(a, has(a.sources) ? a.sources.map(s, has(s.taskRunName) ? 1 : 0).sum() : 0).sum()"
	return map[string]any{
		"rule":            "oldSelf.hasValue() || [" + all + "].exists(n, n <= 32 || (n <= 256 && " + named + " <= 32))",
		"message":         "taskInputs has at most 256 sources in total, at most 32 of them with taskRunName",
		"optionalOldSelf": true,
	}
}

// limitOnSpec is the limit on all texts of spec, for writes that do not pass without. First each small text is taken for
// as long as it may be; only if that is too much, all are counted.
func (t specTexts) limitOnSpec(passed string) map[string]any {
	return map[string]any{
		"rule":      fmt.Sprintf("%s || [self.spec].exists(s, %s <= %d) || %s <= %d", passed, t.most, t.least, t.all, t.limit),
		"message":   fmt.Sprintf("the texts of spec have at most %d characters together (%s)", t.limit, t.counts),
		"fieldPath": ".spec",
	}
}

// ifThere is a number, or 0 where the field is missing.
func ifThere(field, number string) string { return "(has(" + field + ") ? " + number + " : 0)" }

// textsOfStatus limits all texts of the states in status. A state with only the four required fields has only a name.
// The rule first uses the maximum length of such a name, and counts all names only if that exceeds the limit.
func textsOfStatus() map[string]any {
	const most, exact = "256", "size(s.name)"
	return map[string]any{
		"rule":    limitOnStates(most) + " || " + limitOnStates(exact),
		"message": "the texts of state and history have at most 12288 characters together (each state counts 128 more)",
	}
}

// textsOfEffective limits all texts of status.effective.
func textsOfEffective(limit int, fields ...string) map[string]any {
	texts := sizes("self", fields...) + " + " + ifThere("self.tags", "self.tags.map(t, size(t)).sum()")
	return map[string]any{
		"rule":    fmt.Sprintf("%s <= %d", texts, limit),
		"message": fmt.Sprintf("the texts of effective have at most %d characters together", limit),
	}
}

// limitOnStates is the limit on all texts of the states, with the length of the name of a state without other texts.
func limitOnStates(name string) string {
	texts := "size(dyn(s)) == 4 ? 128 + " + name + " : "
	current := "[?self.?state].map(s, " + texts + textsOfState("self.state") + ").sum()"
	past := "self.history.map(s, " + texts + textsOfState("s") + ").sum()"
	return "[" + current + "].exists(n, n <= 12288 && (n + " + past + " <= 12288 || !has(self.history)))"
}
