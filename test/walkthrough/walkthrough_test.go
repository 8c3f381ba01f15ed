//go:build apiserver

package walkthrough

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// update writes the actual output of commands to the page where it differs.
var update = flag.Bool("update", false, "write the outputs into the page")

// up is the program's output when everything runs.
const up = "Ctrl-C stops everything"

func TestEveryCommandOfTheWalkThroughDoesWhatThePageShows(t *testing.T) {
	t.Parallel()
	runPage(t, filepath.Join("docs", "walkthrough.md"))
}

// runPage starts a stack, runs the commands of a page, and compares their output. The folders come first in PATH.
func runPage(t *testing.T, page string, searchFirst ...string) {
	t.Helper()
	p, at := buildProgram(t), newPlace(t)
	file := filepath.Join(p.root, page)
	commands, err := readCommands(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(commands) == 0 {
		t.Fatalf("%s has no commands", page)
	}
	p.launch(t, at).await(t, up)
	outputs := typeAll(t, p, at, commands, searchFirst)
	if *update {
		for i := range commands {
			commands[i].printed = lines(outputs[i].lines)
		}
		if err := rewrite(file, commands); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range commands {
		got := lines(outputs[i].lines)
		if outputs[i].code != 0 || !sameOutput(lines(c.output), got) {
			t.Errorf("%s:%d: %s\nexit code %d, got:\n%s\nwant:\n%s",
				page, c.line, c.text, outputs[i].code, strings.Join(got, "\n"), strings.Join(lines(c.output), "\n"))
		}
	}
}

// typed is the result of one command.
type typed struct {
	lines []string
	code  int
}

// typeAll runs the commands in one shell, like a reader, at the root of the repository. It replaces only the page's
// folder and address by those of this stack, and increases timeouts, because a machine that runs tests is slower.
func typeAll(t *testing.T, p program, at place, commands []command, searchFirst []string) []typed {
	t.Helper()
	here := strings.NewReplacer("$PWD/.data", at.data, "127.0.0.1:4200", at.restAddress, "sleep 1;", "sleep 3;")
	var script strings.Builder
	for i, c := range commands {
		fmt.Fprintf(&script, "{ %s\n} 2>&1\nprintf '\\n%s%%d\\n' $?\n", here.Replace(c.text), marker(i))
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	shell.Dir = p.root
	path := strings.Join(append(searchFirst, searchPath(t, p.root)), string(os.PathListSeparator))
	// A make within the page prints its usual output instead of that of a sub-make.
	shell.Env = append(os.Environ(), "PATH="+path, "TZ=UTC", "MAKELEVEL=0", "MAKEFLAGS=")
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("the shell: %v\n%s", err, out)
	}
	text := strings.NewReplacer(at.restAddress, "127.0.0.1:4200").Replace(string(out))
	outputs := make([]typed, len(commands))
	for i := range commands {
		printed, rest, found := strings.Cut(text, "\n"+marker(i))
		code, rest, _ := strings.Cut(rest, "\n")
		if !found {
			t.Fatalf("command %d did not come to its end: %s", i+1, text)
		}
		if _, err := fmt.Sscan(code, &outputs[i].code); err != nil {
			t.Fatalf("exit code %q: %v", code, err)
		}
		outputs[i].lines, text = strings.Split(printed, "\n"), rest
	}
	return outputs
}

func marker(i int) string { return fmt.Sprintf("== end of command %d, exit code ", i) }

// searchPath puts the kubectl of the assets first, so that the result is the same everywhere. A machine without curl
// gets a replacement.
func searchPath(t *testing.T, root string) string {
	t.Helper()
	built := filepath.Join(root, "bin", "k8s")
	if !controlplane.Complete(built, "kubectl") {
		t.Fatalf("no kubectl in %s: run `make test`, which gets it", built)
	}
	path := built + string(os.PathListSeparator) + os.Getenv("PATH")
	if _, err := exec.LookPath("curl"); err == nil {
		return path
	}
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(folder, "curl"), "./curl")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building a stand-in for curl: %v\n%s", err, out)
	}
	return path + string(os.PathListSeparator) + folder
}
