package main

import (
	"strings"
	"testing"
)

func TestRunCountsAndTellsTheTruth(t *testing.T) {
	t.Parallel()
	const (
		passing = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"noise of A\n"}
{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:1: REPORT: area create 3 of 3\n"}
{"Action":"pass","Package":"p","Test":"A","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
`
		failing = `{"Action":"output","Package":"q","Test":"B","Output":"why B fails\n"}
{"Action":"fail","Package":"q","Test":"B","Elapsed":0.1}
{"Action":"fail","Package":"q","Elapsed":0.2}
`
		unbuilt = `{"ImportPath":"r","Action":"build-output","Output":"r.go:1: broken\n"}
{"Action":"fail","Package":"r","Elapsed":0}
`
		racing = `{"Action":"output","Package":"q","Test":"A","Output":"WARNING: DATA RACE\n"}
{"Action":"output","Package":"q","Test":"A","Output":"Write at 0x1\n"}
{"Action":"output","Package":"q","Test":"A","Output":"==================\n"}
{"Action":"output","Package":"q","Test":"A","Output":"noise of A\n"}
{"Action":"pass","Package":"q","Test":"A","Elapsed":0.1}
`
	)
	tests := map[string]struct {
		in      string
		wantOK  bool
		wantEnd string
		has     string
		hasNot  string
	}{
		"a passing test stays quiet":         {in: passing, wantOK: true, wantEnd: "1 passed, 0 failed\n", hasNot: "noise"},
		"a report is shown though it passes": {in: passing, wantOK: true, wantEnd: "failed\n", has: "  area create 3 of 3\n"},
		"a failing test is shown":            {in: passing + failing, wantEnd: "1 passed, 1 failed\n", has: "why B fails"},
		"a data race is shown though another test fails of it": {
			in: racing + failing, wantEnd: "1 passed, 1 failed\n", has: "DATA RACE\nWrite at 0x1", hasNot: "noise",
		},
		"a package that does not build counts": {in: passing + unbuilt, wantEnd: "1 passed, 1 failed\n", has: "broken"},
		"a skipped test is counted apart": {
			in: passing + `{"Action":"skip","Package":"p","Test":"C"}`, wantOK: true, wantEnd: "1 passed, 0 failed, 1 skipped\n",
		},
		"no test at all is a failure":    {in: "", wantEnd: "0 passed, 0 failed\n"},
		"plain text is passed on":        {in: "go: broken\n" + passing, wantOK: true, wantEnd: "failed\n", has: "go: broken"},
		"a last line without an end too": {in: passing + "go: cut", wantOK: true, wantEnd: "failed\n", has: "go: cut"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			ok, err := run(strings.NewReader(tt.in), &out)
			if err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if ok != tt.wantOK || !strings.HasSuffix(got, tt.wantEnd) || !strings.Contains(got, tt.has) {
				t.Errorf("ok %t, want %t; output %q, want %q in it and %q at its end", ok, tt.wantOK, got, tt.has, tt.wantEnd)
			}
			if tt.hasNot != "" && strings.Contains(got, tt.hasNot) {
				t.Errorf("output %q holds %q", got, tt.hasNot)
			}
		})
	}
}
