package controlplane

import (
	"slices"
	"strings"
	"testing"
)

func TestParseRelease_ofVersionOutput(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]release{
		"Kubernetes v1.32.13\n":                  {1, 32},
		"Kubernetes v1.37.2\n":                   {1, 37},
		"Kubernetes v1.36.0-eks-1a2b3c4\n":       {1, 36},
		"Kubernetes v1.34.1+k3s1\n":              {1, 34},
		"Kubernetes v0.0.0-master+$Format:%H$\n": {},
		"":                                       {},
		"etcd 3.7.3\n":                           {},
	} {
		got, err := parseRelease(text)
		if got != want || (err == nil) != (want != release{}) {
			t.Errorf("parseRelease(%q) = %v, error %v, want %v", text, got, err, want)
		}
	}
}

func TestFrontProxy_passesTheUIDIfTheReleaseSupportsIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server       release
		header, gate bool
	}{
		"no flag":                            {release{1, 31}, false, false},
		"a flag behind a gate":               {release{1, 32}, true, true},
		"the gate is on by default":          {release{1, 33}, true, false},
		"a current release":                  {release{1, 37}, true, false},
		"a release of another major version": {release{2, 0}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := (&frontProxy{}).args(test.server)
			has := func(start string) bool {
				return slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, start) })
			}
			if got := has("--requestheader-uid-headers="); got != test.header {
				t.Errorf("the header of the UID is named: %t, want %t", got, test.header)
			}
			if got := has("--feature-gates="); got != test.gate {
				t.Errorf("a gate is named: %t, want %t", got, test.gate)
			}
		})
	}
}
