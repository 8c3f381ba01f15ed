package main

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestFindMissing_ofExplainedMutants(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"internal/store/queue.go":    {Data: []byte("package store\n")},
		"internal/delivery/queue.go": {Data: []byte(sourceText)},
	}
	for name, tt := range map[string]struct {
		entry       string
		wantMissing bool
	}{
		"a mutant of a method exists":              {"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY if a < b && b < 9 {", false},
		"the second operator of a line exists":     {"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY#2 if a < b && b < 9 {", false},
		"a mutant outside of functions exists":     {"delivery/queue.go - ARITHMETIC_BASE const pause = 2 * second", false},
		"the line has no third operator":           {"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY#3 if a < b && b < 9 {", true},
		"the number is invalid":                    {"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY#two if a < b && b < 9 {", true},
		"the function has another name":            {"delivery/queue.go Queue.Take CONDITIONALS_BOUNDARY if a < b && b < 9 {", true},
		"the receiver has another name":            {"delivery/queue.go Line.Next CONDITIONALS_BOUNDARY if a < b && b < 9 {", true},
		"the line is in another function":          {"delivery/queue.go plain CONDITIONALS_BOUNDARY if a < b && b < 9 {", true},
		"the line has changed":                     {"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY if a < b {", true},
		"the line has no operator of the kind":     {"delivery/queue.go plain INCREMENT_DECREMENT return a == 0", true},
		"an unknown kind":                          {"delivery/queue.go plain NEGATION return a == 0", true},
		"the file has another name":                {"delivery/line.go plain CONDITIONALS_NEGATION return a == 0", true},
		"the file with this name has another path": {"store/queue.go plain CONDITIONALS_NEGATION return a == 0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			explained, err := parseExplained(tt.entry + "\n  Because.\n")
			if err != nil {
				t.Fatal(err)
			}
			missing, err := findMissing(root, explained)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(missing) == 1 && missing[0] == explained[0]; got != tt.wantMissing {
				t.Errorf("missing: %v, want %t", missing, tt.wantMissing)
			}
		})
	}
}

// Renames and changed lines need a change of the list in the same commit.
func TestExplainedMutantsExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("explained.txt")
	if err != nil {
		t.Fatal(err)
	}
	explained, err := parseExplained(string(text))
	if err != nil {
		t.Fatal(err)
	}
	missing, err := findMissing(os.DirFS("../.."), explained)
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, k := range missing {
		entries = append(entries, k.entry())
	}
	if diff := cmp.Diff([]string(nil), entries); diff != "" {
		t.Errorf("explained mutants that do not exist (-want +got):\n%s", diff)
	}
}
