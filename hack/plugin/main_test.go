package main

import (
	"io"
	"strings"
	"testing"
)

func TestOptions_invalidOnesAreRejected(t *testing.T) {
	cases := map[string]struct{ arg, want string }{
		"no version":  {"-version=latest", "-version latest: it is a semantic version"},
		"no platform": {"-platforms=linux", `"linux" is not SYSTEM/MACHINE`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), []string{tc.arg, "-dist=" + t.TempDir()}, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q in it", err, tc.want)
			}
		})
	}
}
