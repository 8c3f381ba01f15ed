// Package test tests what `make test` prints.
package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun_showsFailuresReportsAndCounts(t *testing.T) {
	t.Parallel()
	const (
		passing = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"noise of A\n"}
{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:1: REPORT: \"area\" \u003ccreate\u003e C:\\new 3 of 3\n"}
{"Action":"pass","Package":"p","Test":"A","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
`
		failing = `{"Action":"run","Package":"q","Test":"B"}
{"Action":"output","Package":"q","Test":"B","Output":"why B fails\n"}
{"Action":"fail","Package":"q","Test":"B","Elapsed":0.1}
{"Action":"fail","Package":"q","Elapsed":0.2}
`
		unbuilt = `{"ImportPath":"r","Action":"build-output","Output":"r.go:1: broken\n"}
{"ImportPath":"r","Action":"build-fail"}
{"Action":"fail","Package":"r","Elapsed":0,"FailedBuild":"r"}
`
		panicking = `{"Action":"run","Package":"q","Test":"C"}
{"Action":"output","Package":"q","Test":"C","Output":"panic: in a goroutine\n"}
{"Action":"fail","Package":"q","Elapsed":0.2}
`
		racing = `{"Action":"run","Package":"q","Test":"A"}
{"Action":"output","Package":"q","Test":"A","Output":"WARNING: DATA RACE\n"}
{"Action":"output","Package":"q","Test":"A","Output":"Write at 0x1\n"}
{"Action":"output","Package":"q","Test":"A","Output":"==================\n"}
{"Action":"output","Package":"q","Test":"A","Output":"noise of A\n"}
{"Action":"pass","Package":"q","Test":"A","Elapsed":0.1}
`
		skipped = `{"Action":"run","Package":"p","Test":"C"}
{"Action":"output","Package":"p","Test":"C","Output":"    c_test.go:1: no browser\n"}
{"Action":"skip","Package":"p","Test":"C","Elapsed":0}
`
	)
	tests := map[string]struct {
		events  string
		wantOK  bool
		wantEnd string
		has     string
		hasNot  string
	}{
		"a passing test is quiet":             {events: passing, wantOK: true, wantEnd: "\n1 passed, 0 failed\n", hasNot: "noise"},
		"a report of a passing test is shown": {events: passing, wantOK: true, wantEnd: "failed\n", has: "\n" + `  "area" <create> C:\new 3 of 3` + "\n"},
		"a failing test is shown":             {events: passing + failing, wantEnd: "\n1 passed, 1 failed\n", has: "why B fails"},
		"a data race is shown even if another test fails because of it": {
			events: racing + failing, wantEnd: "\n1 passed, 1 failed\n", has: "DATA RACE\nWrite at 0x1", hasNot: "noise",
		},
		"a package that does not compile counts": {events: passing + unbuilt, wantEnd: "\n1 passed, 1 failed\n", has: "broken"},
		"a panic outside of a test is shown":     {events: passing + panicking, wantEnd: "\n1 passed, 1 failed\n", has: "in a goroutine"},
		"a skipped test is counted separately":   {events: passing + skipped, wantOK: true, wantEnd: "\n1 passed, 0 failed, 1 skipped\n", has: "no browser"},
		"no tests is a failure":                  {events: "", wantEnd: "\n0 passed, 0 failed\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := filepath.Join(t.TempDir(), "events")
			if err := os.WriteFile(events, []byte(tt.events), 0o600); err != nil {
				t.Fatal(err)
			}
			output, err := exec.CommandContext(t.Context(), "./run.sh", "--raw-command", "--", "cat", events).CombinedOutput()
			got := string(output)
			if ok := err == nil; ok != tt.wantOK || !strings.HasSuffix(got, tt.wantEnd) || !strings.Contains(got, tt.has) {
				t.Errorf("error %v, want none: %t; output %q, want %q in it and %q at its end", err, tt.wantOK, got, tt.has, tt.wantEnd)
			}
			if tt.hasNot != "" && strings.Contains(got, tt.hasNot) {
				t.Errorf("output %q contains %q", got, tt.hasNot)
			}
		})
	}
}

func TestRun_failsWhenGoFails(t *testing.T) {
	t.Parallel()
	output, err := exec.CommandContext(t.Context(), "./run.sh", "--raw-command", "--", "sh", "-c",
		`echo '{"Action":"pass","Package":"p","Test":"A"}'; echo go: broken >&2; exit 1`).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "go: broken") {
		t.Errorf("error %v, output %q; want a failure and what go has printed", err, output)
	}
}
