// Command mutants runs gremlins on packages: it changes one operator at a time and runs the tests of the package. A change
// that makes no test fail, or that times out, is a survivor. The exit code is 1 if a survivor is not in the list of
// explained ones, if an entry of that list has no survivor or names code that does not exist, or if the tests of a
// package kill too few changes.
//
// Usage: mutants [flags] package[:file,file…]…
//
// A package is a folder below the root. Files are named without .go; without them, all files are changed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

type options struct {
	root, list, logs string
	efficacy         float64
	coefficient      int
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "folder of the module")
	flag.StringVar(&o.list, "list", "hack/mutants/explained.txt", "list of explained survivors, below the root")
	flag.StringVar(&o.logs, "logs", "bin/mutants", "folder for the output of gremlins, below the root")
	flag.Float64Var(&o.efficacy, "efficacy", 95, "minimum of killed mutants in each package, in percent of killed and survived")
	flag.IntVar(&o.coefficient, "timeout-coefficient", 10, "timeout of a mutant, as a multiple of the time of all tests")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := run(ctx, o, flag.Args(), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, arguments []string, out io.Writer) (ok bool, err error) {
	explained, err := readExplained(o)
	if err != nil {
		return false, err
	}
	g, err := newGremlins(ctx, o)
	if err != nil {
		return false, err
	}
	defer g.remove()
	var results []result
	for _, argument := range arguments {
		started := time.Now()
		mutants, err := g.unleash(ctx, parseTarget(argument))
		if err != nil {
			return false, fmt.Errorf("%s: %w", argument, err)
		}
		r := classify(parseTarget(argument).folder, mutants, explained)
		r.took = time.Since(started)
		results = append(results, r)
		printSurvivors(out, r)
	}
	return printTable(out, results, o.efficacy), nil
}

// readExplained returns the entries of the list. An entry of a mutant that does not exist is an error.
func readExplained(o options) ([]key, error) {
	text, err := os.ReadFile(filepath.Join(o.root, o.list))
	if err != nil {
		return nil, fmt.Errorf("read the explained survivors: %w", err)
	}
	explained, err := parseExplained(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.list, err)
	}
	missing, err := findMissing(os.DirFS(o.root), explained)
	if err != nil {
		return nil, err
	}
	failed := []error{}
	for _, k := range missing {
		failed = append(failed, fmt.Errorf("%s: the source has no such mutant, correct or remove the entry: %s", o.list, k.entry()))
	}
	return explained, errors.Join(failed...)
}

// target is a package to change, or some of its files.
type target struct {
	folder string
	files  []string
}

func parseTarget(argument string) target {
	folder, files, found := strings.Cut(argument, ":")
	t := target{folder: filepath.ToSlash(filepath.Clean(folder))}
	if found {
		t.files = strings.Split(files, ",")
	}
	return t
}

// changes reports whether the target includes the file, which is in its folder.
func (t target) changes(file string) bool {
	return t.files == nil || slices.Contains(t.files, strings.TrimSuffix(file, ".go"))
}

func printSurvivors(out io.Writer, r result) {
	for _, m := range r.unexplained {
		_, _ = fmt.Fprintf(out, "%s:%d:%d %s, not explained:\n  %s\n", m.path, m.line, m.column, m.status, m.entry())
	}
	for _, e := range r.stale {
		_, _ = fmt.Fprintf(out, "explained, but no survivor: %s\n", e.entry())
	}
}

func printTable(out io.Writer, results []result, efficacy float64) (ok bool) {
	ok = len(results) > 0
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "package\tkilled\tlived\ttimed out\texplained\tnot covered\tnot viable\tefficacy\ttook")
	for _, r := range results {
		columns := []string{r.folder}
		for _, n := range []int{r.killed, r.lived, r.timedOut, r.explained, r.notCovered, r.notViable} {
			columns = append(columns, strconv.Itoa(n))
		}
		columns = append(columns, fmt.Sprintf("%.1f %%", r.efficacy()), r.took.Round(time.Second).String())
		_, _ = fmt.Fprintln(w, strings.Join(columns, "\t"))
		ok = ok && len(r.unexplained) == 0 && len(r.stale) == 0 && r.efficacy() >= efficacy
	}
	_ = w.Flush()
	return ok
}
