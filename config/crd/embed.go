// Package crd embeds the CRDs that belong to this version of the program.
package crd

import "embed"

// Bases has the CRDs, one file each, in the folder bases.
//
//go:embed bases/*.yaml
var Bases embed.FS
