// Command fieldref prints the field reference of a CRD as Markdown: one table
// for each object in the schema, with types, bounds, defaults and rules.
//
//	fieldref CRD.yaml > docs/reference.md
package main

import (
	"fmt"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: fieldref CRD.yaml")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "fieldref: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the file the caller names
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	_, err = os.Stdout.WriteString(reference(crd))
	return err
}
