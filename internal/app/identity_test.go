package app

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestAnIdentityIsFitForAnObjectsName(t *testing.T) {
	t.Parallel()
	const chance = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	cases := map[string]struct{ host, want string }{
		"a pod's name stays as it is":         {"taskrun-5d8f-x2x", "taskrun-operator-taskrun-5d8f-x2x-abcdefghij"},
		"capital letters become small":        {"HOST", "taskrun-operator-host-abcdefghij"},
		"other characters become hyphens":     {"my_host.example.com", "taskrun-operator-my-host-example-com-abcdefghij"},
		"letters of other alphabets, too":     {"süd", "taskrun-operator-s-d-abcdefghij"},
		"a host of nothing that fits is none": {"...", "taskrun-operator--abcdefghij"},
		"a long name is cut":                  {strings.Repeat("x", 64), "taskrun-operator-" + strings.Repeat("x", 40) + "-abcdefghij"},
		"a cut before a hyphen leaves none":   {strings.Repeat("x", 39) + "-y", "taskrun-operator-" + strings.Repeat("x", 39) + "-abcdefghij"},
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

func TestTwoStartsOnOneHostHaveTwoIdentities(t *testing.T) {
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
