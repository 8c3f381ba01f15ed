package compat

import (
	"slices"
	"strings"
	"testing"
)

func TestLeftOutCasesAreExactlyTheTaggedOnes(t *testing.T) {
	t.Parallel()
	cases, err := Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.Name] = true
		tagged := slices.ContainsFunc(leftOutTags, c.Has)
		reason, listed := leftOut[c.Name]
		if listed != tagged {
			t.Errorf("%s has the tags %q; listed as left out: %t", c.Name, c.Tags, listed)
		}
		if tag, _, found := strings.Cut(reason, ": "); listed && (!found || !c.Has(tag)) {
			t.Errorf("the reason for leaving out %s does not begin with a tag of it: %q", c.Name, reason)
		}
	}
	for name := range leftOut {
		if !seen[name] {
			t.Errorf("there is no case %s to leave out", name)
		}
	}
}
