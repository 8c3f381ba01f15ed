package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// key identifies a mutant independently of line numbers.
type key struct {
	// file is the name within the package's parent folder: "delivery/queue.go".
	file string
	// function is the enclosing function, with its receiver: "Service.Create". It is "-" outside of functions.
	function string
	// kind is gremlins' name of the change, with "#2" for the second mutant with the same other values.
	kind string
	// text is the line of source, without leading and trailing space.
	text string
}

func (k key) entry() string { return strings.Join([]string{k.file, k.function, k.kind, k.text}, " ") }

// mutant is one changed operator and its result.
type mutant struct {
	key
	path         string
	line, column int
	status       status
}

// status is gremlins' word.
type status string

const (
	killed     status = "KILLED"
	lived      status = "LIVED"
	timedOut   status = "TIMED OUT"
	notCovered status = "NOT COVERED"
	notViable  status = "NOT VIABLE"
)

// parseExplained parses the list: a line that identifies a mutant (file, function, kind, line of source), then indented
// lines with the reason why no test can fail. Empty lines and lines that begin with # are ignored.
func parseExplained(text string) ([]key, error) {
	var keys []key
	reasons := 1
	for number, line := range strings.Split(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case line[0] == ' ':
			reasons++
		default:
			fields := strings.SplitN(line, " ", 4)
			if len(fields) != 4 {
				return nil, fmt.Errorf("line %d: want a file, a function, a kind of mutant and a line of source", number+1)
			}
			if reasons == 0 {
				return nil, fmt.Errorf("line %d: the entry above has no reason", number+1)
			}
			reasons = 0
			keys = append(keys, key{fields[0], fields[1], fields[2], strings.TrimSpace(fields[3])})
		}
	}
	if reasons == 0 {
		return nil, errors.New("the last entry has no reason")
	}
	return keys, nil
}

// result has the results of the mutants of a package.
type result struct {
	folder string
	killed, lived, timedOut,
	notCovered, notViable, explained int
	unexplained []mutant
	// stale holds the explained mutants that did not survive, in the files of this package.
	stale []key
	took  time.Duration
}

// efficacy returns the percentage of killed mutants among those that ended. A mutant that timed out does not count: it
// is an endless loop, or the machine was slow.
func (r result) efficacy() float64 {
	if r.killed+r.lived == 0 {
		return 0
	}
	return 100 * float64(r.killed) / float64(r.killed+r.lived)
}

func classify(folder string, mutants []mutant, explained []key) result {
	r := result{folder: folder}
	files, survived := map[string]bool{}, map[key]bool{}
	for _, m := range mutants {
		files[m.file] = true
		switch m.status {
		case killed:
			r.killed++
		case notCovered:
			r.notCovered++
		case notViable:
			r.notViable++
		case lived, timedOut:
			survived[m.key] = true
			r.survivor(m, explained)
		}
	}
	for _, k := range explained {
		if files[k.file] && !survived[k] {
			r.stale = append(r.stale, k)
		}
	}
	slices.SortFunc(r.unexplained, func(a, b mutant) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	return r
}

func (r *result) survivor(m mutant, explained []key) {
	if m.status == lived {
		r.lived++
	} else {
		r.timedOut++
	}
	if slices.Contains(explained, m.key) {
		r.explained++
	} else {
		r.unexplained = append(r.unexplained, m)
	}
}
