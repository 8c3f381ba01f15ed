// Package version returns build information.
package version

import (
	"runtime"
	"runtime/debug"
)

// Set by the linker (-ldflags "-X …/internal/version.version=v1.2.3"). The
// default is the value that the Go toolchain recorded.
var (
	version string
	commit  string
)

// Unknown is used for values that the build did not record.
const Unknown = "unknown"

// Info describes a build.
type Info struct {
	Version string // semantic version with a leading v, or Unknown
	Commit  string // full hash, with "-dirty" if the tree had changes, or Unknown
	Go      string // version of the toolchain
}

// Get returns the description of this build.
func Get() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return from(build)
}

// String returns the description in one line.
func (i Info) String() string { return i.Of("taskrun-operator") }

// Of returns the description of a program with this build in one line.
func (i Info) Of(program string) string {
	return program + " " + i.Version + " (commit " + i.Commit + ", " + i.Go + ")"
}

func from(build *debug.BuildInfo) Info {
	info := Info{Version: version, Commit: commit, Go: runtime.Version()}
	if info.Version == "" {
		info.Version = build.Main.Version
	}
	if info.Version == "" || info.Version == "(devel)" {
		info.Version = Unknown
	}
	if info.Commit == "" {
		info.Commit = recordedCommit(build)
	}
	return info
}

func recordedCommit(build *debug.BuildInfo) string {
	revision, changed := Unknown, ""
	for _, setting := range build.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			changed = "-dirty"
		}
	}
	if revision == Unknown {
		return Unknown
	}
	return revision + changed
}
