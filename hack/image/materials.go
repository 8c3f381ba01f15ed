package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// materials is the bill of materials of a binary, as CycloneDX in JSON, from the data that the Go toolchain recorded in
// it. It has no serial number, and its only time is the commit's: the same binary has the same bill of materials.
func materials(r release, binary []byte) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return nil, fmt.Errorf("reading what the binary is made of: %w", err)
	}
	sum := sha256.Sum256(binary)
	bill := bill(r, info, hex.EncodeToString(sum[:]))
	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(bill, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("writing the bill of materials: %w", err)
	}
	return out.Bytes(), nil
}

// bill lists the modules of a binary with this SHA-256 digest.
func bill(r release, info *debug.BuildInfo, digest string) *cdx.BOM {
	program := component(cdx.ComponentTypeApplication, info.Main.Path, r.version)
	program.Description = description
	program.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: digest}}
	program.Licenses = &cdx.Licenses{{License: &cdx.License{ID: licence}}}
	program.Properties = properties(r, info)

	standard, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	parts := []cdx.Component{component(cdx.ComponentTypeLibrary, "stdlib", standard)}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		part := component(cdx.ComponentTypeLibrary, module.Path, module.Version)
		if module.Sum != "" {
			part.Properties = &[]cdx.Property{{Name: "go:sum", Value: module.Sum}}
		}
		parts = append(parts, part)
	}
	refs := make([]string, len(parts))
	for i, part := range parts {
		refs[i] = part.BOMRef
	}
	made := cdx.NewBOM()
	made.Metadata = &cdx.Metadata{
		Timestamp: r.created.Format(time.RFC3339),
		Tools:     &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: title + " hack/image", Version: r.version}}},
		Component: &program,
	}
	made.Components = &parts
	made.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &refs}}
	return made
}

// component is a Go module, or the standard library, with the package URL for scanners.
func component(kind cdx.ComponentType, path, version string) cdx.Component {
	url := "pkg:golang/" + path
	if version != "" {
		url += "@" + strings.ReplaceAll(version, "+", "%2B")
	}
	return cdx.Component{Type: kind, BOMRef: url, PackageURL: url, Name: path, Version: version}
}

// properties returns the build settings of the binary.
func properties(r release, info *debug.BuildInfo) *[]cdx.Property {
	told := []cdx.Property{{Name: "commit", Value: r.commit}, {Name: "go:version", Value: info.GoVersion}}
	for _, setting := range info.Settings {
		told = append(told, cdx.Property{Name: "go:build:" + setting.Key, Value: setting.Value})
	}
	return &told
}
