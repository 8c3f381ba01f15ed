package gitops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// health is the health of an object according to both programs.
type health struct{ flux, argo string }

// Flux uses the words of kstatus.
const (
	inProgress, failed, current                  = "InProgress", "Failed", "Current"
	progressing, suspended, degraded, healthyNow = "Progressing", "Suspended", "Degraded", "Healthy"
)

// wanted is the health of the object in each file of testdata.
var wanted = map[string]health{
	"created":    {inProgress, progressing}, // the operator has not seen it
	"scheduled":  {inProgress, progressing},
	"pending":    {inProgress, progressing},
	"running":    {inProgress, progressing},
	"paused":     {inProgress, suspended},
	"suspended":  {inProgress, suspended}, // PAUSED, by another name
	"cancelling": {inProgress, progressing},
	"completed":  {current, healthyNow},
	"failed":     {failed, degraded},
	"cancelled":  {failed, degraded},
	"crashed":    {failed, degraded},
	"duplicate":  {failed, degraded}, // its spec.id belongs to another TaskRun
	"overtaken":  {failed, degraded}, // the same, for a TaskRun that was the run before and had completed
}

func TestHealth_ofARunInEachState(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil || len(files) != len(wanted) {
		t.Fatalf("there are %d objects, want %d: %v", len(files), len(wanted), err)
	}
	flux, argo := readFlux(t), readArgo(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := map[string]any{}
			read(t, file, &object)
			compare(t, flux, argo, object, wanted[name])
			// A change of the spec that the operator has not processed yet.
			metadata, ok := object["metadata"].(map[string]any)
			if !ok {
				t.Fatal("the object has no metadata")
			}
			metadata["generation"] = 2.0
			compare(t, flux, argo, object, health{inProgress, progressing})
		})
	}
}

func compare(t *testing.T, flux *fluxCheck, argo argoCheck, object map[string]any, want health) {
	t.Helper()
	if got, err := flux.evaluate(object); err != nil || got != want.flux {
		t.Errorf("Flux: %s, %v; want %s", got, err, want.flux)
	}
	got, message, err := argo.evaluate(object)
	if err != nil || got != want.argo || message == "" {
		t.Errorf("Argo CD: %s, %q, %v; want %s and a message", got, message, err, want.argo)
	}
}

// Messages have the state and its message.
func TestArgoCD_messageHasTheStateAndItsMessage(t *testing.T) {
	t.Parallel()
	object := map[string]any{}
	read(t, filepath.Join("testdata", "failed.yaml"), &object)
	_, message, err := readArgo(t).evaluate(object)
	if want := "Failed: set by hand"; err != nil || message != want {
		t.Errorf("message %q, %v; want %q", message, err, want)
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", file, err))
	}
}

var errNoBoolean = errors.New("the expression is not a boolean")
