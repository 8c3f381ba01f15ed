package gitops

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
)

// fluxCheck is an entry of healthCheckExprs, evaluated according to RFC 0009 of Flux.
type fluxCheck struct{ inProgress, failed, current cel.Program }

func readFlux(t *testing.T) *fluxCheck {
	t.Helper()
	var kustomization struct {
		Spec struct {
			HealthCheckExprs []struct{ APIVersion, Kind, InProgress, Failed, Current string }
		}
	}
	read(t, filepath.Join("..", "..", "config", "gitops", "flux_kustomization.yaml"), &kustomization)
	checks := kustomization.Spec.HealthCheckExprs
	if len(checks) != 1 || checks[0].APIVersion != "taskrun.dev/v1alpha1" || checks[0].Kind != "TaskRun" {
		t.Fatalf("health checks %+v, want one of TaskRuns", checks)
	}
	return &fluxCheck{
		inProgress: program(t, checks[0].InProgress), failed: program(t, checks[0].Failed), current: program(t, checks[0].Current),
	}
}

// program parses an expression with the CEL environment of Flux. Flux does not check types before the evaluation.
func program(t *testing.T, expression string) cel.Program {
	t.Helper()
	env, err := cel.NewEnv(
		cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders(),
	)
	if err != nil {
		t.Fatal(err)
	}
	parsed, issues := env.Parse(expression)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", expression, issues.Err())
	}
	made, err := env.Program(parsed, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return made
}

// evaluate returns the health of an object. If the expressions cannot be evaluated, the health is Unknown, and Flux
// continues to wait as for an object in progress.
func (c *fluxCheck) evaluate(object map[string]any) (string, error) {
	if status, ok := object["status"].(map[string]any); !ok {
		return c.withoutStatus(object)
	} else if metadata, ok := object["metadata"].(map[string]any); ok && status["observedGeneration"] != metadata["generation"] {
		return inProgress, nil
	}
	for _, one := range []struct {
		program cel.Program
		status  string
	}{{c.inProgress, inProgress}, {c.failed, failed}, {c.current, current}} {
		holds, err := evaluate(one.program, object)
		if err != nil || holds {
			return one.status, err
		}
	}
	return inProgress, nil
}

// withoutStatus checks that no expression counts an object without a status as finished.
func (c *fluxCheck) withoutStatus(object map[string]any) (string, error) {
	for _, one := range []cel.Program{c.failed, c.current} {
		if holds, err := evaluate(one, object); err == nil {
			return "", fmt.Errorf("an expression is %t without a status, want an error", holds)
		}
	}
	return inProgress, nil
}

func evaluate(program cel.Program, object map[string]any) (bool, error) {
	value, _, err := program.Eval(object)
	if err != nil {
		return false, err
	}
	holds, ok := value.(types.Bool)
	if !ok {
		return false, errNoBoolean
	}
	return bool(holds), nil
}

// The expressions also compare the generation, because Flux before 2.6 does not.
func TestFlux_comparesTheGeneration(t *testing.T) {
	t.Parallel()
	object := map[string]any{}
	read(t, filepath.Join("testdata", "completed.yaml"), &object)
	check := readFlux(t)
	for generation, want := range map[float64]bool{1: false, 2: true} {
		object["metadata"] = map[string]any{"generation": generation}
		if got, err := evaluate(check.inProgress, object); err != nil || got != want {
			t.Errorf("with generation %g: in progress %t, %v; want %t", generation, got, err, want)
		}
	}
}
