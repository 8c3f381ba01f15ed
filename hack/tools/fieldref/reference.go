package main

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/mitchellh/go-wordwrap"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

type schema = apiextensionsv1.JSONSchemaProps

// section is one object of the schema: a heading and a table.
type section struct {
	path   string
	schema schema
}

// printer collects the text. Objects with the same fields are described once.
type printer struct {
	strings.Builder

	printed []section
}

func reference(crd apiextensionsv1.CustomResourceDefinition) string {
	p := &printer{}
	names := crd.Spec.Names
	fmt.Fprintf(p, "# %s: every field\n\n", names.Kind)
	p.WriteString("Generated from the CRD by `make generate`; `kubectl explain` tells the same.\n\n")
	for _, version := range crd.Spec.Versions {
		p.version(crd, version)
	}
	return p.String()
}

func (p *printer) version(crd apiextensionsv1.CustomResourceDefinition, version apiextensionsv1.CustomResourceDefinitionVersion) {
	names := crd.Spec.Names
	fmt.Fprintf(p, "`%s/%s`, kind `%s`, category `%s`.\nUse `kubectl get %s`, or `kubectl get %s.%s` in scripts.\n\n", crd.Spec.Group, version.Name,
		names.Kind, strings.Join(names.Categories, "`, `"), strings.Join(names.ShortNames, "`, `"), names.Plural, crd.Spec.Group)
	if len(version.SelectableFields) > 0 {
		p.WriteString("Field selectors: ")
		for i, field := range version.SelectableFields {
			if i > 0 {
				p.WriteString(", ")
			}
			fmt.Fprintf(p, "`%s`", strings.TrimPrefix(field.JSONPath, "."))
		}
		p.WriteString(".\n\n")
	}
	root := *version.Schema.OpenAPIV3Schema
	if _, split := root.Properties["spec"]; !split {
		p.whole(names.Kind, root)
		return
	}
	for _, name := range []string{"spec", "status"} {
		property := root.Properties[name]
		property.XValidations = append(about(root, name), property.XValidations...)
		p.object(name, property)
	}
}

// whole prints a kind whose fields stand beside metadata.
func (p *printer) whole(kind string, root schema) {
	root.Properties = maps.Clone(root.Properties)
	for _, common := range []string{"apiVersion", "kind", "metadata"} {
		delete(root.Properties, common)
	}
	p.object(kind, root)
}

// about returns the rules of an object that are about one of its fields, one of
// each message. One that makes up its message as it is broken has none to print.
func about(s schema, name string) apiextensionsv1.ValidationRules {
	var rules apiextensionsv1.ValidationRules
	printed := map[string]bool{}
	for _, rule := range s.XValidations {
		if printed[rule.Message] {
			continue
		}
		printed[rule.Message] = true
		if rule.MessageExpression == "" && strings.HasPrefix(rule.FieldPath+".", "."+name+".") {
			rules = append(rules, rule)
		}
	}
	return rules
}

// object prints the section of one object and then those of the objects in it.
func (p *printer) object(path string, s schema) {
	fmt.Fprintf(p, "## %s\n\n", path)
	for _, earlier := range p.printed {
		if reflect.DeepEqual(earlier.schema.Properties, s.Properties) {
			fmt.Fprintf(p, "%s\n\nThe fields are those of [%s](#%s).\n\n", prose(s.Description), earlier.path, anchor(earlier.path))
			return
		}
	}
	p.printed = append(p.printed, section{path, s})
	if s.Description != "" {
		fmt.Fprintf(p, "%s\n\n", prose(s.Description))
	}
	p.rules(s)
	p.WriteString("| field | type | meaning |\n|---|---|---|\n")
	for _, name := range fields(s) {
		p.field(path, name, s)
	}
	p.WriteString("\n")
	for _, name := range fields(s) {
		inner, suffix := inside(s.Properties[name])
		if len(inner.Properties) > 0 {
			p.object(path+"."+name+suffix, inner)
		}
	}
}

// fields lists the required fields first, each kind by name.
func fields(s schema) []string {
	names := slices.Collect(maps.Keys(s.Properties))
	rank := func(name string) int {
		if slices.Contains(s.Required, name) {
			return 0
		}
		return 1
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	return names
}

func (p *printer) field(path, name string, s schema) {
	field := s.Properties[name]
	label := "`" + name + "`"
	inner, suffix := inside(field)
	if len(inner.Properties) > 0 {
		label = fmt.Sprintf("[%s](#%s)", label, anchor(path+"."+name+suffix))
	}
	if slices.Contains(s.Required, name) {
		label += " **required**"
	}
	fmt.Fprintf(p, "| %s | %s | %s", label, cell(typeOf(field)), cell(field.Description))
	for _, rule := range field.XValidations {
		fmt.Fprintf(p, " Rule: %s.", strings.TrimSuffix(cell(rule.Message), "."))
	}
	p.WriteString(" |\n")
}

func (p *printer) rules(s schema) {
	if len(s.XValidations) == 0 {
		return
	}
	p.WriteString("Rules:\n\n")
	for _, rule := range s.XValidations {
		fmt.Fprintf(p, "- %s\n", strings.ReplaceAll(prose(rule.Message), "\n", "\n  "))
	}
	p.WriteString("\n")
}

// inside returns the object that a field holds, directly or in lists or maps,
// and a description of the nesting.
func inside(s schema) (inner schema, suffix string) {
	switch {
	case s.Items != nil && s.Items.Schema != nil:
		inner, suffix = inside(*s.Items.Schema)
		return inner, "[]" + suffix
	case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
		inner, suffix = inside(*s.AdditionalProperties.Schema)
		return inner, "{}" + suffix
	default:
		return s, ""
	}
}

// typeOf describes a type and its limits.
func typeOf(s schema) string {
	switch {
	case s.Items != nil && s.Items.Schema != nil:
		return bounded("list", s.MinItems, s.MaxItems, "items") + " of " + typeOf(*s.Items.Schema)
	case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
		return bounded("map", s.MinProperties, s.MaxProperties, "entries") + " of " + typeOf(*s.AdditionalProperties.Schema)
	case len(s.Enum) > 0:
		return enum(s.Enum) + preset(s)
	default:
		return scalar(s) + preset(s)
	}
}

func scalar(s schema) string {
	switch {
	case s.Type == "" && s.Minimum != nil:
		return fmt.Sprintf("number or text (at least %g)", *s.Minimum)
	case s.Type == "":
		return "text, number or boolean; a text of at most " + number(s.MaxLength) + " characters"
	case s.Type == "string" && s.Format == "date-time":
		return "time (RFC 3339)"
	case s.Type == "string":
		return bounded("text", s.MinLength, s.MaxLength, "characters")
	case s.Type == "integer":
		return ranged(s)
	default:
		return s.Type
	}
}

func preset(s schema) string {
	if s.Default == nil {
		return ""
	}
	return ", default `" + string(s.Default.Raw) + "`"
}

func enum(values []apiextensionsv1.JSON) string {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		texts = append(texts, "`"+strings.Trim(string(value.Raw), `"`)+"`")
	}
	return strings.Join(texts, ", ")
}

func bounded(name string, least, most *int64, of string) string {
	switch {
	case least != nil && most != nil && *least > 0:
		return fmt.Sprintf("%s (%d to %d %s)", name, *least, *most, of)
	case most != nil:
		return fmt.Sprintf("%s (at most %d %s)", name, *most, of)
	default:
		return name
	}
}

func ranged(s schema) string {
	if s.Minimum == nil || s.Maximum == nil {
		return "integer"
	}
	return fmt.Sprintf("integer (%.0f to %.0f)", *s.Minimum, *s.Maximum)
}

func number(n *int64) string {
	if n == nil {
		return "any number of"
	}
	return strconv.FormatInt(*n, 10)
}

// columns is the width of the page, less the indentation of a list item.
const columns = 118

// prose wraps a description, and keeps its paragraphs.
func prose(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, paragraph := range paragraphs {
		if !strings.HasPrefix(paragraph, "\t") && !strings.HasPrefix(paragraph, "    ") {
			paragraphs[i] = wordwrap.WrapString(escape(strings.Join(strings.Fields(paragraph), " ")), columns)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// cell converts a text to one cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(escape(strings.Join(strings.Fields(text), " ")), "|", `\|`)
}

// escape prevents Markdown from reading a word in angle brackets as HTML.
func escape(text string) string { return strings.ReplaceAll(text, "<", `\<`) }

// anchor returns GitHub's anchor of a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(".[]{}", r) {
			return -1
		}
		return r
	}, strings.ToLower(heading))
}
