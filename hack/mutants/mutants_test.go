package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const sourceText = `package queue

const pause = 2 * second

func (q *Queue[T]) Next(a, b int) bool {
	if a < b && b < 9 {
		return true
	}
	return a == 0
}

func plain(a int) bool {
	return a == 0
}
`

const reportText = `{"files": [{"file_name": "queue.go", "mutations": [
	{"type": "CONDITIONALS_BOUNDARY", "status": "LIVED", "line": 6, "column": 16},
	{"type": "CONDITIONALS_BOUNDARY", "status": "KILLED", "line": 6, "column": 7},
	{"type": "ARITHMETIC_BASE", "status": "NOT COVERED", "line": 3, "column": 17},
	{"type": "CONDITIONALS_NEGATION", "status": "TIMED OUT", "line": 9, "column": 11},
	{"type": "CONDITIONALS_NEGATION", "status": "NOT VIABLE", "line": 13, "column": 11}
]}]}`

func parsed(t *testing.T) []mutant {
	t.Helper()
	mutants, err := parseReport([]byte(reportText), "internal/delivery", func(file string) ([]byte, error) {
		if file != "internal/delivery/queue.go" {
			return nil, errors.New("no such file")
		}
		return []byte(sourceText), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return mutants
}

func TestKey_hasFunctionAndLine(t *testing.T) {
	t.Parallel()
	var got []string
	for _, m := range parsed(t) {
		got = append(got, m.entry()+": "+string(m.status))
	}
	want := []string{
		"delivery/queue.go - ARITHMETIC_BASE const pause = 2 * second: NOT COVERED",
		"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY if a < b && b < 9 {: KILLED",
		"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY#2 if a < b && b < 9 {: LIVED",
		"delivery/queue.go Queue.Next CONDITIONALS_NEGATION return a == 0: TIMED OUT",
		"delivery/queue.go plain CONDITIONALS_NEGATION return a == 0: NOT VIABLE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mutants (-want +got):\n%s", diff)
	}
}

func TestReport_thatDoesNotMatchTheSourceIsAnError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not JSON":              "Killed: 3",
		"a line after the last": `{"files": [{"file_name": "queue.go", "mutations": [{"type": "X", "line": 99}]}]}`,
		"no line":               `{"files": [{"file_name": "queue.go", "mutations": [{"type": "X"}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseReport([]byte(text), "internal/delivery", func(string) ([]byte, error) { return []byte(sourceText), nil })
			if err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestClassify_survivorsAreExplainedOrReported(t *testing.T) {
	t.Parallel()
	const boundary, negation = "delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY#2 if a < b && b < 9 {", "delivery/queue.go Queue.Next CONDITIONALS_NEGATION return a == 0"
	for name, tt := range map[string]struct {
		list                   string
		explained              int
		wantSurvivors, wantOld []string
	}{
		"without a list all are reported":                 {"", 0, []string{boundary, negation}, nil},
		"an explained one is not reported":                {boundary + "\n  Because.\n", 1, []string{negation}, nil},
		"a timeout needs an explanation too":              {boundary + "\n  Because.\n" + negation + "\n  Endless.\n", 2, nil, nil},
		"the same line in another function":               {"delivery/queue.go plain CONDITIONALS_NEGATION return a == 0\n  Because.\n", 0, []string{boundary, negation}, []string{"delivery/queue.go plain CONDITIONALS_NEGATION return a == 0"}},
		"an entry of a killed mutant is stale":            {"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY if a < b && b < 9 {\n  Because.\n", 0, []string{boundary, negation}, []string{"delivery/queue.go Queue.Next CONDITIONALS_BOUNDARY if a < b && b < 9 {"}},
		"an entry of another package's file is not stale": {"concurrency/queue.go plain CONDITIONALS_NEGATION return a == 0\n  Because.\n", 0, []string{boundary, negation}, nil},
		"an entry of an unchanged file is not stale":      {"delivery/line.go f CONDITIONALS_NEGATION a == b\n  Because.\n", 0, []string{boundary, negation}, nil},
		"comments and empty lines are ignored":            {"# Why.\n\n" + boundary + "\n  Because,\n  and so on.\n", 1, []string{negation}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			explained, err := parseExplained(tt.list)
			if err != nil {
				t.Fatal(err)
			}
			r := classify("internal/delivery", parsed(t), explained)
			var survivors, old []string
			for _, m := range r.unexplained {
				survivors = append(survivors, m.entry())
			}
			for _, k := range r.stale {
				old = append(old, k.entry())
			}
			want := result{folder: "internal/delivery", killed: 1, lived: 1, timedOut: 1, notCovered: 1, notViable: 1, explained: tt.explained}
			if diff := cmp.Diff(want, r, cmp.AllowUnexported(result{}), cmpopts.IgnoreFields(result{}, "unexplained", "stale")); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([][]string{tt.wantSurvivors, tt.wantOld}, [][]string{survivors, old}); diff != "" {
				t.Errorf("survivors and old entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseExplained_entryNeedsAReason(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"no reason at the end":            "a.go f KIND x < y\n",
		"no reason between two entries":   "a.go f KIND x < y\nb.go f KIND x < y\n  Because.\n",
		"a line without a line of source": "a.go f KIND\n  Because.\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if keys, err := parseExplained(list); err == nil {
				t.Errorf("entries %v, want an error", keys)
			}
		})
	}
}

func TestRun_failsUnlessAllIsKilledOrExplained(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		result result
		want   bool
	}{
		"enough are killed and the others explained": {result{killed: 95, lived: 5, explained: 5}, true},
		"too few are killed":                         {result{killed: 94, lived: 6, explained: 6}, false},
		"no mutants":                                 {result{}, false},
		"a survivor is not explained":                {result{killed: 99, lived: 1, unexplained: make([]mutant, 1)}, false},
		"an entry is stale":                          {result{killed: 99, stale: make([]key, 1)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if got := printTable(&out, []result{tt.result}, 95); got != tt.want {
				t.Errorf("ok is %t, want %t:\n%s", got, tt.want, out.String())
			}
		})
	}
	if printTable(&strings.Builder{}, nil, 95) {
		t.Error("a run over no packages is ok")
	}
}

func TestParseTarget_withFiles(t *testing.T) {
	t.Parallel()
	all, some := parseTarget("./internal/delivery/"), parseTarget("internal/taskrun:create,slots")
	if all.folder != "internal/delivery" || !all.changes("queue.go") {
		t.Errorf("target without files: %+v", all)
	}
	if some.folder != "internal/taskrun" || !some.changes("slots.go") || some.changes("fit.go") {
		t.Errorf("target with files: %+v", some)
	}
}
