package compat

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// A tagged case that is not left out must pass like any other.
func TestLeftOutCasesAreTagged(t *testing.T) {
	t.Parallel()
	cases, err := Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.Name] = true
		reason, listed := leftOut[c.Name]
		if listed && !slices.ContainsFunc(leftOutTags, c.Has) {
			t.Errorf("%s is left out, but has the tags %q", c.Name, c.Tags)
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

func TestLeftOutCase_mustFail(t *testing.T) {
	t.Parallel()
	c := &Case{Name: "some-quirk", Title: "a quirk"}
	tests := map[string]struct {
		excused bool
		err     error
		want    string
	}{
		"passes":               {},
		"fails":                {err: errors.New("another status"), want: "a quirk: another status"},
		"left out, and fails":  {excused: true, err: errors.New("another status")},
		"left out, but passes": {excused: true, want: "remove it from the list"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := verdictOn(c, tt.excused, tt.err)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}
