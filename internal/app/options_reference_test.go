package app

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/reference-options.md instead of comparing it")

const optionsPage = "../../docs/reference-options.md"

// The page of all options is written by `go test ./internal/app -run TestThePageOfAllOptions -update`.
func TestThePageOfAllOptions(t *testing.T) {
	t.Parallel()
	want := describeOptions()
	if *update {
		if err := os.WriteFile(optionsPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(optionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the program says (-want +got):\n%s", optionsPage, diff)
	}
}

// describeOptions returns the page: a table of all flags.
func describeOptions() string {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	options := DefaultOptions()
	options.BindFlags(fs)
	var b strings.Builder
	b.WriteString("# All options of taskrun-operator\n\nGenerated from the program. ")
	b.WriteString("[background-tasks.md](background-tasks.md) says when to change those of background tasks.\n\n| option | default | is |\n|---|---|---|\n")
	fs.VisitAll(func(f *flag.Flag) {
		value := "none"
		if f.DefValue != "" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | %s | %s |\n", f.Name, value, strings.ReplaceAll(f.Usage, "|", "\\|"))
	})
	return b.String()
}
