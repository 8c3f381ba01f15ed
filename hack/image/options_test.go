package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"
)

func TestOptions_invalidArguments(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"no command":                            {nil, "build or push"},
		"an unknown command":                    {[]string{"bake"}, `"bake" is unknown`},
		"a platform that is not supported":      {[]string{"build", "-platforms", "linux/amd64,windows/amd64"}, `PLATFORMS (-platforms) has "windows/amd64"`},
		"a platform twice":                      {[]string{"build", "-platforms", "linux/amd64 linux/amd64"}, "linux/amd64 twice"},
		"an invalid time":                       {[]string{"build", "-commit", "abc", "-epoch", "today"}, `SOURCE_DATE_EPOCH "today"`},
		"no commit":                             {[]string{"build", "-epoch", "1"}, "COMMIT=<hash>"},
		"no commit time":                        {[]string{"build", "-commit", "abc"}, "SOURCE_DATE_EPOCH="},
		"a version that cannot be a tag":        {[]string{"build", "-commit", "abc", "-epoch", "1", "-version", "v1+x"}, `VERSION "v1+x"`},
		"an invalid image name":                 {[]string{"build", "-commit", "abc", "-epoch", "1", "-image", "UPPER"}, "IMAGE (-image)"},
		"a push without an image":               {[]string{"push"}, "no IMAGE (-image): say where to push to with IMAGE=registry/name:tag"},
		"a push to a name without a registry":   {[]string{"push", "-image", "operator:v1"}, `IMAGE "operator:v1" (-image) names no registry`},
		"a push to a folder without a registry": {[]string{"push", "-image", "team/operator:v1"}, "names no registry"},
		"a push without a tag":                  {[]string{"push", "-image", "registry.example/operator"}, `"registry.example/operator" (-image) must be registry/name:tag`},
	}
	for title, tc := range cases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), tc.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestHelp_isShown(t *testing.T) {
	t.Parallel()
	var usage strings.Builder
	if err := run(t.Context(), []string{"build", "-h"}, io.Discard, &usage); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error = %v, want %v", err, flag.ErrHelp)
	}
	if !strings.Contains(usage.String(), "-platforms") {
		t.Errorf("help does not list the flags:\n%s", &usage)
	}
}

func TestVersion_ofACommitWithoutRelease(t *testing.T) {
	t.Parallel()
	const hash = "0123456789abcdef0123456789abcdef01234567"
	cases := map[string]struct {
		version, commit, want string
	}{
		"a release":                {"v1.2.3", hash, "v1.2.3"},
		"another commit":           {"", hash, "v0.0.0-20261123162836-0123456789ab"},
		"changes since the commit": {"", hash + "-dirty", "v0.0.0-20261123162836-0123456789ab-dirty"},
		"a short hash":             {"", "0123", "v0.0.0-20261123162836-0123"},
	}
	for title, tc := range cases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			o := options{version: tc.version, commit: tc.commit, created: time.Unix(1795451316, 0)}
			got, err := o.release()
			if err != nil || got.version != tc.want {
				t.Errorf("version %q, error %v, want %q", got.version, err, tc.want)
			}
		})
	}
}
