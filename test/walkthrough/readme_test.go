//go:build apiserver && sdk

package walkthrough

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/prefect"
)

// The README submits a task with Prefect itself, from the environment of the SDK tests.
func TestEveryCommandOfTheREADMEDoesWhatItShows(t *testing.T) {
	root, err := controlplane.Repository()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := prefect.Install(t.Context(), filepath.Join(root, ".data", "sdk", "newest"), "python3", prefect.Newest,
		func() { t.Log("installing Prefect") })
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PREFECT_HOME", t.TempDir())
	t.Cleanup(func() { _ = os.Remove(filepath.Join(root, "tasks.py")) })
	runPage(t, "README.md", programs)
}
