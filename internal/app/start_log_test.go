package app

import (
	"bytes"
	"flag"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanged_returnsOptionsThatDifferFromTheirDefaults(t *testing.T) {
	t.Parallel()
	options := DefaultOptions()
	if got := options.changed(); len(got) != 0 {
		t.Errorf("changed = %q, want none", got)
	}
	options.Scope.Watch = []string{"default", "other"}
	options.Manager.LeaderElect = true
	options.Log.Format = formatJSON
	want := []string{"--leader-elect=true", "--log-format=json", "--watch-namespaces=default,other"}
	if diff := cmp.Diff(want, options.changed()); diff != "" {
		t.Error(diff)
	}
}

// A flag without a known value would be missing from the log.
func TestChanged_includesEveryFlagThatIsSet(t *testing.T) {
	t.Parallel()
	names := flagNames(new(DefaultOptions()))
	for _, name := range names {
		options := DefaultOptions()
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		options.BindFlags(fs)
		was := fs.Lookup(name).DefValue
		var taken string
		for _, value := range []string{"true", "false", "7", "7s", "0.5", "debug", "1.3", "text.example", "json"} {
			if value != was && fs.Set(name, value) == nil {
				taken = value
				break
			}
		}
		if taken == "" {
			t.Fatalf("no value of this test suits --%s", name)
		}
		got := options.changed()
		if len(got) != 1 || !strings.HasPrefix(got[0], "--"+name+"=") {
			t.Errorf("with --%s=%s changed = %q", name, taken, got)
		}
	}
}

func TestLogStart_hasBuildOptionsAndAddresses(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := &App{options: DefaultOptions(), log: slog.New(slog.NewTextHandler(&log, nil))}
	a.options.Scope.Namespace = "work"
	a.logStart(t.Context())
	for _, want := range []string{
		"level=INFO", `msg="starting taskrun-operator"`, " version=", " commit=", `options="[--namespace=work]"`,
		"restAddress=127.0.0.1:4200", "metricsAddress=127.0.0.1:4201", "healthAddress=127.0.0.1:4202",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the line %s lacks %s", log.String(), want)
		}
	}
}
