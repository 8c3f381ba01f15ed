package app

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestBackgroundTasksPage_hasTheOptions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/background-tasks.md")
	if err != nil {
		t.Fatal(err)
	}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	options := DefaultOptions()
	options.BindFlags(fs)
	rows := 0
	fs.VisitAll(func(f *flag.Flag) {
		for _, prefix := range []string{"worker-", "rest-socket-"} {
			if !strings.HasPrefix(f.Name, prefix) {
				continue
			}
			rows++
			if row := fmt.Sprintf("\n| `--%s` | `%s` | ", f.Name, f.DefValue); !strings.Contains(string(page), row) {
				t.Errorf("the page lacks %q", row)
			}
		}
	})
	if got := strings.Count(string(page), "\n| `--"); got != rows {
		t.Errorf("the page has %d options, the program %d", got, rows)
	}
}
