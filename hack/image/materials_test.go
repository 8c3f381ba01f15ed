package main

import (
	"runtime/debug"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

func TestBill_listsTheModulesOfTheBinary(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8 X:experiment",
		Main:      debug.Module{Path: "example.com/program", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "example.com/Library", Version: "v2.0.0+incompatible", Sum: "h1:abc="},
			{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/new", Version: "v1.0.1"}},
		},
		Settings: []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "0"}},
	}
	bill := bill(aRelease(), info, "5ca1ab1e")
	if bill.SerialNumber != "" || bill.Metadata.Timestamp != "2026-11-23T16:28:36Z" {
		t.Errorf("serial number %q, time %s: want none, and that of the commit", bill.SerialNumber, bill.Metadata.Timestamp)
	}
	program := "pkg:golang/example.com/program@v1.2.3"
	wantParts := []string{"pkg:golang/stdlib@1.26.8", "pkg:golang/example.com/Library@v2.0.0%2Bincompatible", "pkg:golang/example.com/new@v1.0.1"}
	gotParts := []string{}
	for _, part := range *bill.Components {
		gotParts = append(gotParts, part.PackageURL)
	}
	if diff := cmp.Diff(wantParts, gotParts); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&[]cdx.Dependency{{Ref: program, Dependencies: &wantParts}}, bill.Dependencies); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
	wantProperties := &[]cdx.Property{
		{Name: "commit", Value: aRelease().commit}, {Name: "go:version", Value: "go1.26.8 X:experiment"}, {Name: "go:build:CGO_ENABLED", Value: "0"},
	}
	if diff := cmp.Diff(wantProperties, bill.Metadata.Component.Properties); diff != "" {
		t.Errorf("properties of the program (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: "5ca1ab1e"}}, bill.Metadata.Component.Hashes); diff != "" {
		t.Errorf("digest of the program (-want +got):\n%s", diff)
	}
}

func TestBill_otherFileIsAnError(t *testing.T) {
	t.Parallel()
	if text, err := materials(aRelease(), []byte("a script")); err == nil {
		t.Errorf("no error, and the bill\n%s", text)
	}
}
