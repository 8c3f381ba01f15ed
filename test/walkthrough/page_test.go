package walkthrough

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// command is one command with its output in the page.
type command struct {
	// line is its line number in the page.
	line   int
	text   string
	output []string
	// printed is its actual output, without empty lines.
	printed []string
}

// readCommands returns the commands of all console blocks of a page. In a block, a line that begins with "$ " is a
// command. It continues after a backslash at the end of a line, and to the end of a here-document. All other lines are
// output.
func readCommands(file string) ([]command, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	var commands []command
	inBlock := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			inBlock = line == "```console"
		case inBlock:
			commands = appendLine(commands, i+1, line)
		}
	}
	return commands, nil
}

func appendLine(commands []command, number int, line string) []command {
	if typed, found := strings.CutPrefix(line, "$ "); found {
		return append(commands, command{line: number, text: typed})
	}
	if len(commands) == 0 {
		return commands
	}
	last := &commands[len(commands)-1]
	if goesOn(last.text) && len(last.output) == 0 {
		last.text += "\n" + line
		return commands
	}
	last.output = append(last.output, line)
	return commands
}

// goesOn reports whether a command is incomplete: its last line ends in a backslash, or a here-document has no end.
func goesOn(text string) bool {
	first, _, _ := strings.Cut(text, "\n")
	return strings.HasSuffix(text, `\`) || (strings.HasSuffix(first, "<<EOF") && !strings.HasSuffix(text, "\nEOF"))
}

// rewrite replaces the outputs in the file that differ from the actual ones.
func rewrite(file string, commands []command) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	all := strings.Split(string(text), "\n")
	// From the last to the first, so that earlier line numbers stay correct.
	for _, c := range slices.Backward(commands) {
		if sameOutput(lines(c.output), c.printed) {
			continue
		}
		begin := c.line + strings.Count(c.text, "\n")
		all = slices.Replace(all, begin, begin+len(c.output), c.printed...)
	}
	return os.WriteFile(file, []byte(strings.Join(all, "\n")), 0o600)
}

// volatile matches values that differ between runs, with their replacements for comparisons.
var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>"},
	{regexp.MustCompile(`"(estimated_run_time|estimated_start_time_delta|total_run_time)":[0-9.e+-]+`), `"$1":<number>`},
	{regexp.MustCompile(`(?i)(resource ?version:\s+)"?\d+"?`), "$1<number>"},
	{regexp.MustCompile(`Total Run Time:\s+\S+`), "Total Run Time: <number>"},
	{regexp.MustCompile(`\b(\d+m)?\d+(\.\d+)?m?s\b`), "<age>"},
	{regexp.MustCompile(`\bx\d+ over <age>`), "<age>"},
	{regexp.MustCompile(`-[bcdfghjklmnpqrstvwxz2456789]{5}\b`), "-<suffix>"}, // of a generated name
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "<hash>"},
	{regexp.MustCompile(`\b([a-z_]+)-[0-9a-f]{8}\b`), "$1-<hash>"}, // a task key
	{regexp.MustCompile(`[ \t]+`), " "},
}

// settled returns a line with such values replaced.
func settled(line string) string {
	for _, v := range volatile {
		line = v.pattern.ReplaceAllString(line, v.with)
	}
	return strings.TrimSpace(line)
}

// elision stands for any number of lines of output, none included.
const elision = "..."

// sameOutput compares the actual output with that of the page, in which a line "..." stands for any lines.
func sameOutput(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if strings.TrimSpace(want[0]) == elision {
		for skip := 0; skip <= len(got); skip++ {
			if sameOutput(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && settled(want[0]) == settled(got[0]) && sameOutput(want[1:], got[1:])
}

// lines returns the lines of an output, without empty ones and without trailing spaces.
func lines(text []string) []string {
	var kept []string
	for _, line := range text {
		if strings.TrimSpace(line) != "" {
			kept = append(kept, strings.TrimRight(line, " \t"))
		}
	}
	return kept
}

func TestReadCommands_readsTheConsoleBlocks(t *testing.T) {
	t.Parallel()
	const text = "# X\n```\n$ not this\n```\n## Y\n```yaml\n$ nor: this\n```\n```console\n$ first \\\n    --more\nout 1\n\nout 2\n$ second\n```\n### Sub\n" +
		"```console\n$ third\n```\n"
	file := t.TempDir() + "/page.md"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readCommands(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []command{
		{line: 10, text: "first \\\n    --more", output: []string{"out 1", "", "out 2"}},
		{line: 15, text: "second"},
		{line: 19, text: "third"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(command{})); diff != "" {
		t.Error(diff)
	}
}

func TestRewrite_replacesOnlyDifferences(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/page.md"
	const before = "# X\n```console\n$ a \\\n  b\nold 1\nold 2\n$ c\nsame   3s\n$ d\n```\nend\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	commands, err := readCommands(file)
	if err != nil {
		t.Fatal(err)
	}
	commands[0].printed, commands[1].printed, commands[2].printed = []string{"new"}, []string{"same 5s"}, []string{"more"}
	if err := rewrite(file, commands); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = "# X\n```console\n$ a \\\n  b\nnew\n$ c\nsame   3s\n$ d\nmore\n```\nend\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestSameOutput_comparesLines(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want, got []string
		wantSame  bool
	}{
		"equal":                               {want: []string{"a b"}, got: []string{"a    b "}, wantSame: true},
		"another word":                        {want: []string{"a b"}, got: []string{"a c"}},
		"an additional line":                  {want: []string{"a"}, got: []string{"a", "b"}},
		"a missing line":                      {want: []string{"a", "b"}, got: []string{"a"}},
		"an elision of two lines":             {want: []string{"a", "...", "d"}, got: []string{"a", "b", "c", "d"}, wantSame: true},
		"an elision of no lines":              {want: []string{"a", "...", "d"}, got: []string{"a", "d"}, wantSame: true},
		"an elision at the end":               {want: []string{"a", "..."}, got: []string{"a", "b"}, wantSame: true},
		"a line after an elision is required": {want: []string{"...", "d"}, got: []string{"a", "b"}},
		"ids, ages and times differ": {
			want:     []string{`11111111-2222-4333-8444-555555555555  3s  2026-01-02T03:04:05Z "total_run_time":0.0`},
			got:      []string{`aaaaaaaa-2222-4333-8444-555555555555 2m10s 2027-01-02T03:04:05.678Z "total_run_time":1.5`},
			wantSame: true,
		},
		"other numbers differ": {want: []string{`"run_count":1`}, got: []string{`"run_count":2`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sameOutput(tt.want, tt.got); got != tt.wantSame {
				t.Errorf("got %t, want %t", got, tt.wantSame)
			}
		})
	}
}
