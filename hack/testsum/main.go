// Command testsum reads the output of `go test -json` on standard input, prints what a person wants to see of it, and
// ends with a line that counts: "12 passed, 0 failed". Its exit code is 1 when anything failed or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	ok, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// event is one line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string
	Elapsed                       float64
}

// summary counts tests, subtests among them. A package that fails on its own (it does not build, it panics, its set-up
// fails) counts as one failed test.
type summary struct {
	passed, failed, skipped int
	// output is what each test has printed so far; it is shown when the test fails.
	output map[string]*strings.Builder
	// failing holds the packages with a failed test.
	failing map[string]bool
	// racing holds the packages whose output is inside the report of a data race.
	racing map[string]bool
}

func run(in io.Reader, out io.Writer) (ok bool, err error) {
	s := &summary{output: map[string]*strings.Builder{}, failing: map[string]bool{}, racing: map[string]bool{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			s.line(line, out)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, fmt.Errorf("reading the events: %w", err)
		}
	}
	counts := fmt.Sprintf("%d passed, %d failed", s.passed, s.failed)
	if s.skipped > 0 {
		counts += fmt.Sprintf(", %d skipped", s.skipped)
	}
	if _, err := fmt.Fprintln(out, counts); err != nil {
		return false, fmt.Errorf("writing the counts: %w", err)
	}
	return s.failed == 0 && s.passed > 0, nil
}

func (s *summary) line(line []byte, out io.Writer) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		// The go command prints some complaints as plain text.
		_, _ = out.Write(line)
		return
	}
	switch e.Action {
	case "output", "build-output":
		s.keep(e, out)
	case "pass", "fail", "skip":
		s.count(e, out)
	}
}

// printed marks the lines that a test wants to be seen even when it passes.
const printed = "REPORT: "

func (s *summary) keep(e event, out io.Writer) {
	if e.Action == "build-output" {
		_, _ = io.WriteString(out, e.Output)
		return
	}
	s.showRace(e, out)
	if _, text, found := strings.Cut(e.Output, printed); found {
		_, _ = io.WriteString(out, "  "+text)
	}
	key := e.Package + " " + e.Test
	if s.output[key] == nil {
		s.output[key] = &strings.Builder{}
	}
	_, _ = s.output[key].WriteString(e.Output)
}

// showRace shows the report of a data race as it comes: it counts as the output of whichever test has printed last, and that
// one need not fail.
func (s *summary) showRace(e event, out io.Writer) {
	const begins, ends = "WARNING: DATA RACE", "=================="
	if strings.HasPrefix(e.Output, begins) {
		s.racing[e.Package] = true
	}
	if !s.racing[e.Package] {
		return
	}
	_, _ = io.WriteString(out, e.Output)
	if strings.HasPrefix(e.Output, ends) {
		s.racing[e.Package] = false
	}
}

func (s *summary) count(e event, out io.Writer) {
	key := e.Package + " " + e.Test
	defer delete(s.output, key)
	switch {
	case e.Test == "":
		s.countPackage(e, out)
	case e.Action == "pass":
		s.passed++
	case e.Action == "skip":
		s.skipped++
		s.show(key, out)
	default:
		s.failed++
		s.failing[e.Package] = true
		s.show(key, out)
	}
}

func (s *summary) countPackage(e event, out io.Writer) {
	switch e.Action {
	case "pass":
		_, _ = fmt.Fprintf(out, "ok    %6.1fs  %s\n", e.Elapsed, e.Package)
	case "fail":
		if !s.failing[e.Package] {
			s.failed++
			s.show(e.Package+" ", out)
		}
		_, _ = fmt.Fprintf(out, "FAIL  %6.1fs  %s\n", e.Elapsed, e.Package)
	}
}

func (s *summary) show(key string, out io.Writer) {
	if kept := s.output[key]; kept != nil {
		_, _ = io.WriteString(out, kept.String())
	}
}
