package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// goCommand runs in place of the go command while gremlins runs, and corrects its wrong measurements.
//
//   - It takes the exit code 1 of `go test` for a failed test, but that is also the one of a change that does not compile, or
//     that vet reports.
//   - It passes over mutants outside the blocks of the coverage profile: code that no test runs, the conditions of cases, and
//     constants. Here each file is one covered block, so that such mutants survive.
//   - It takes the time of the first run for the timeouts, and a cached result would make them too short.
const goCommand = `#!/bin/sh
if [ "$1" != test ]; then exec '%[1]s' "$@"; fi
shift
profile= previous=
for argument; do
  if [ "$previous" = -coverprofile ]; then profile=$argument; fi
  previous=$argument
done
if [ -n "$profile" ]; then
  '%[1]s' test -vet=off -count=1 "$@" || exit
  blocks=$(sed -n '2,$s/:.*/:1.1,1000000.1 1 1/p' "$profile" | sort -u)
  echo "$blocks" >> "$profile"
  exit
fi
'%[1]s' test -vet=off -count=1 -ldflags='-s -w' "$@" && exit
'%[1]s' build "$argument" > /dev/null 2>&1 || exit 2
exit 1
`

// gremlins runs the program on a copy of the files of the repository, because it copies the whole folder of the module,
// with all build results and downloads in it.
type gremlins struct {
	root        string   // of the module
	folder      string   // bin has the programs, module the copy
	files       *os.Root // the folder
	logs        *os.Root
	coefficient int
}

func newGremlins(ctx context.Context, o options) (*gremlins, error) {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, fmt.Errorf("find the root: %w", err)
	}
	g := &gremlins{root: root, coefficient: o.coefficient}
	if err := g.prepare(ctx, filepath.Join(root, o.logs)); err != nil {
		g.remove()
		return nil, err
	}
	return g, nil
}

func (g *gremlins) remove() { _ = os.RemoveAll(g.folder) }

func (g *gremlins) prepare(ctx context.Context, logs string) (err error) {
	if err := os.MkdirAll(logs, 0o750); err != nil {
		return fmt.Errorf("make the folder of the logs: %w", err)
	}
	if g.logs, err = os.OpenRoot(logs); err != nil {
		return fmt.Errorf("open the folder of the logs: %w", err)
	}
	if g.folder, err = os.MkdirTemp("", "mutants-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if g.files, err = os.OpenRoot(g.folder); err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	build := command(ctx, filepath.Join(g.root, "hack", "gremlins"), "go", "build", "-o", filepath.Join(g.folder, "bin")+"/",
		"github.com/go-gremlins/gremlins/cmd/gremlins")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build gremlins: %w\n%s", err, text)
	}
	goPath, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("find the go command: %w", err)
	}
	if err := g.files.WriteFile("bin/go", fmt.Appendf(nil, goCommand, goPath), 0o700); err != nil {
		return fmt.Errorf("write the go command: %w", err)
	}
	return g.copyModule(ctx)
}

func command(ctx context.Context, folder, name string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, arguments...) //nolint:gosec // set by the user of the tests
	c.Dir = folder
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	return c
}

func (g *gremlins) copyModule(ctx context.Context) error {
	names, err := command(ctx, g.root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("list the files: %w", err)
	}
	from, err := os.OpenRoot(g.root)
	if err != nil {
		return fmt.Errorf("open the module: %w", err)
	}
	defer func() { _ = from.Close() }()
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		info, err := from.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue // deleted, but still in the index of git; or a link, which gremlins omits too
		}
		if err == nil {
			err = copyFile(from, name, g.files, path.Join("module", name))
		}
		if err != nil {
			return fmt.Errorf("copy the module: %w", err)
		}
	}
	return nil
}

func copyFile(from *os.Root, name string, to *os.Root, toName string) error {
	text, err := from.ReadFile(name)
	if err != nil {
		return err
	}
	if err := to.MkdirAll(path.Dir(toName), 0o750); err != nil {
		return err
	}
	return to.WriteFile(toName, text, 0o600)
}

// unleash runs gremlins on the target, with its standard set of changes, one at a time.
func (g *gremlins) unleash(ctx context.Context, t target) ([]mutant, error) {
	excluded, err := g.excluded(t)
	if err != nil {
		return nil, err
	}
	const report = "report.json"
	_ = g.files.Remove(report)
	arguments := []string{
		"unleash", "--workers", "1", "--timeout-coefficient", strconv.Itoa(g.coefficient), "--output", filepath.Join(g.folder, report),
	}
	for _, file := range excluded {
		arguments = append(arguments, "--exclude-files", "^"+regexp.QuoteMeta(file)+"$")
	}
	c := command(ctx, filepath.Join(g.folder, "module"), filepath.Join(g.folder, "bin", "gremlins"), append(arguments, "./"+t.folder)...)
	programs := filepath.Join(g.folder, "bin") + string(os.PathListSeparator) + os.Getenv("PATH")
	c.Env = append(os.Environ(), "PATH="+programs, "TMPDIR="+g.folder)
	log, err := g.logs.Create(strings.ReplaceAll(t.folder, "/", "-") + ".log")
	if err != nil {
		return nil, fmt.Errorf("write the log: %w", err)
	}
	defer func() { _ = log.Close() }()
	c.Stdout, c.Stderr = log, log
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("run gremlins: %w, see %s", err, log.Name())
	}
	text, err := g.files.ReadFile(report)
	if err != nil {
		return nil, fmt.Errorf("read the report of gremlins, see %s: %w", log.Name(), err)
	}
	return parseReport(text, t.folder, func(file string) ([]byte, error) { return g.files.ReadFile(path.Join("module", file)) })
}

// excluded returns the files in the target's folder that the target does not include.
func (g *gremlins) excluded(t target) (excluded []string, err error) {
	files, err := fs.Glob(g.files.FS(), path.Join("module", t.folder, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list the files: %w", err)
	}
	present := map[string]bool{}
	for _, file := range files {
		name := path.Base(file)
		present[strings.TrimSuffix(name, ".go")] = true
		if !t.changes(name) {
			excluded = append(excluded, name)
		}
	}
	for _, file := range t.files {
		if !present[file] {
			return nil, fmt.Errorf("there is no file %s.go in %s", file, t.folder)
		}
	}
	return excluded, nil
}
