package app

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestIdentity_isAValidObjectName(t *testing.T) {
	t.Parallel()
	const chance = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	cases := map[string]struct{ host, want string }{
		"the name of a pod is kept":                                 {"taskrun-5d8f-x2x", "taskrun-operator-taskrun-5d8f-x2x-abcdefghij"},
		"upper case becomes lower case":                             {"HOST", "taskrun-operator-host-abcdefghij"},
		"other characters become hyphens":                           {"my_host.example.com", "taskrun-operator-my-host-example-com-abcdefghij"},
		"letters of other alphabets become hyphens":                 {"süd", "taskrun-operator-s-d-abcdefghij"},
		"a host name without valid characters is dropped":           {"...", "taskrun-operator--abcdefghij"},
		"a long name is truncated":                                  {strings.Repeat("x", 64), "taskrun-operator-" + strings.Repeat("x", 40) + "-abcdefghij"},
		"a name truncated before a hyphen has no hyphen at its end": {strings.Repeat("x", 39) + "-y", "taskrun-operator-" + strings.Repeat("x", 39) + "-abcdefghij"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := identityFrom(tc.host, chance)
			if got != tc.want {
				t.Errorf("identityOf(%q) = %q, want %q", tc.host, got, tc.want)
			}
			if problems := validation.IsDNS1123Subdomain(got); len(problems) > 0 {
				t.Errorf("%q is no name: %v", got, problems)
			}
		})
	}
}

func TestIdentity_differsBetweenStartsOnOneHost(t *testing.T) {
	t.Parallel()
	first, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	second, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Errorf("both are %q", first)
	}
	if problems := validation.IsDNS1123Subdomain(first); len(problems) > 0 {
		t.Errorf("%q is no name: %v", first, problems)
	}
}
