package flows_test

import (
	"errors"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

func TestGraph(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	placeholder, plain := f.mustCreateTask(t, parent.ID, "1"), f.mustCreateTask(t, parent.ID, "2")
	child := f.mustCreate(t, withParent(placeholder.ID))
	f.mustCreateTask(t, child.ID, "1")
	graph, err := f.Graph(t.Context(), parent.ID, nil)
	if err != nil || graph.Run.ID != parent.ID {
		t.Fatalf("Graph() = %+v, error %v", graph, err)
	}
	kinds := map[string]flowrun.NodeKind{}
	for _, node := range graph.Nodes {
		kinds[node.ID] = node.Kind
	}
	if len(kinds) != 2 || kinds[plain.ID] != flowrun.NodeTaskRun || kinds[child.ID] != flowrun.NodeFlowRun {
		t.Errorf("nodes %v, want the task run %s and the subflow %s", kinds, plain.ID, child.ID)
	}
	tasks, err := f.Dependencies(t.Context(), parent.ID)
	if err != nil || len(tasks) != 2 || tasks[0].ID < tasks[1].ID {
		t.Errorf("Dependencies() = %v, error %v, want two by descending ids", tasks, err)
	}
	if _, err := f.Graph(t.Context(), unknownID, nil); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("the graph of an unknown run: error %v", err)
	}
	if _, err := f.Dependencies(t.Context(), unknownID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("the task runs of an unknown run: error %v", err)
	}
	counts, err := usecase.NewLister(f.tasks.Store, f.clock).WithFlows(f.store).CountByFlowRun(t.Context(), []string{parent.ID, child.ID})
	if err != nil || counts[parent.ID] != 1 || counts[child.ID] != 1 {
		t.Errorf("counts %v, error %v, want one each: the placeholder is not counted", counts, err)
	}
}
