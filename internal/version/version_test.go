package version

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrom_buildInfo(t *testing.T) {
	t.Parallel()
	vcs := func(settings ...debug.BuildSetting) []debug.BuildSetting { return settings }
	cases := map[string]struct {
		build       debug.BuildInfo
		wantVersion string
		wantCommit  string
	}{
		"a build without records is unknown": {
			wantVersion: Unknown, wantCommit: Unknown,
		},
		"a build of a work tree": {
			build: debug.BuildInfo{
				Main:     debug.Module{Version: "(devel)"},
				Settings: vcs(debug.BuildSetting{Key: "vcs.revision", Value: "abc"}, debug.BuildSetting{Key: "vcs.modified", Value: "false"}),
			},
			wantVersion: Unknown, wantCommit: "abc",
		},
		"changes in the work tree": {
			build: debug.BuildInfo{
				Settings: vcs(debug.BuildSetting{Key: "vcs.modified", Value: "true"}, debug.BuildSetting{Key: "vcs.revision", Value: "abc"}),
			},
			wantVersion: Unknown, wantCommit: "abc-dirty",
		},
		"an installed module": {
			build:       debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}},
			wantVersion: "v1.2.3", wantCommit: Unknown,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Info{Version: tc.wantVersion, Commit: tc.wantCommit, Go: runtime.Version()}
			if diff := cmp.Diff(want, from(&tc.build)); diff != "" {
				t.Errorf("build information (-want +got):\n%s", diff)
			}
		})
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	got := Info{Version: "v1.2.3", Commit: "abc", Go: "go1.26"}.String()
	if want := "taskrun-operator v1.2.3 (commit abc, go1.26)"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
