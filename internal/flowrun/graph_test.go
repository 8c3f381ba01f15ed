package flowrun

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// task returns a task run that started the given number of seconds after noon and has not ended.
func task(id string, started int, inputs ...string) *taskrun.Run {
	run := &taskrun.Run{ID: id, Name: "task " + id, TaskInputs: map[string][]taskrun.TaskInput{}}
	run.State, run.StartTime, run.ExpectedStartTime = state(orchestration.Running), at(started), at(started-1)
	for i, input := range inputs {
		key := strconv.Itoa(i)
		if caller, found := strings.CutPrefix(input, "in "); found {
			key, input = encapsulatingInput, caller
		}
		run.TaskInputs[key] = append(run.TaskInputs[key], taskrun.TaskInput{InputType: taskrun.InputTaskRun, ID: input})
	}
	return run
}

// ended returns the task run with an end.
func ended(run *taskrun.Run, seconds int) *taskrun.Run {
	run.State, run.EndTime = state(orchestration.Failed), at(seconds)
	return run
}

func TestNewGraph(t *testing.T) {
	t.Parallel()
	flow := &Flow{ID: "f", Name: "etl"}
	parent := &Run{ID: "run", FlowID: "f"}
	subflow := &Run{ID: "sub", FlowID: "f", ParentTaskRunID: "placeholder"}
	subflow.Name = "child"
	subflow.State, subflow.ExpectedStartTime = state(orchestration.Pending), at(2)
	cached := task("cached", 4, "in a", "in a")
	cached.State, cached.StartTime, cached.ExpectedStartTime = state(orchestration.Completed), nil, at(4)
	fresh := &taskrun.Run{ID: "without state"}
	tasks := []*taskrun.Run{
		cached, fresh, task("c", 3, "b", "a", "a", "sub", "unknown"), task("b", 1, "placeholder"), ended(task("a", 1), 9), task("placeholder", 7, "b"),
	}
	got, err := NewGraph(parent, tasks, snapshotOf([]*Flow{flow}, []*Run{parent, subflow}), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []*GraphNode{
		{Kind: NodeTaskRun, ID: "a", Label: "task a", StateType: orchestration.Failed, StartTime: *at(1), EndTime: at(9), Children: []string{"c"}},
		{Kind: NodeTaskRun, ID: "b", Label: "task b", StateType: orchestration.Running, StartTime: *at(1), Children: []string{"sub", "c"}},
		{
			Kind: NodeFlowRun, ID: "sub", Label: "etl / child", StateType: orchestration.Pending, StartTime: *at(2),
			Parents: []string{"b"}, Children: []string{"c"},
		},
		{
			Kind: NodeTaskRun, ID: "c", Label: "task c", StateType: orchestration.Running, StartTime: *at(3),
			Parents: []string{"a", "b", "sub"},
		},
		{
			Kind: NodeTaskRun, ID: "cached", Label: "task cached", StateType: orchestration.Completed, StartTime: *at(4), EndTime: at(4),
			Encapsulating: []string{"a"},
		},
	}
	if diff := cmp.Diff(want, got.Nodes, cmpopts.IgnoreUnexported(GraphNode{})); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
}

func TestNewGraph_sinceLeavesOutNodesThatEndedEarlier(t *testing.T) {
	t.Parallel()
	tasks := []*taskrun.Run{ended(task("early", 1), 4), ended(task("then", 2, "early"), 5), task("running", 3)}
	got, err := NewGraph(&Run{ID: "run"}, tasks, snapshotOf(nil, nil), at(5))
	if err != nil {
		t.Fatal(err)
	}
	var nodes []string
	for _, node := range got.Nodes {
		nodes = append(nodes, node.ID+" after "+strings.Join(node.Parents, ","))
	}
	if want := []string{"then after early", "running after "}; !slices.Equal(nodes, want) {
		t.Errorf("nodes %q, want %q", nodes, want)
	}
}

func TestNewGraph_isLimited(t *testing.T) {
	t.Parallel()
	var tasks []*taskrun.Run
	for i := range MaxGraphNodes {
		tasks = append(tasks, ended(task(strconv.Itoa(i), i), i))
	}
	s := snapshotOf(nil, nil)
	if _, err := NewGraph(&Run{ID: "run"}, tasks, s, nil); err != nil {
		t.Errorf("with as many nodes as it can have: %v", err)
	}
	tasks = append(tasks, task("one more", 1))
	_, err := NewGraph(&Run{ID: "run"}, tasks, s, nil)
	if tooLarge, ok := errors.AsType[*GraphSizeError](err); !ok || tooLarge.Error() != "The graph of flow run run has more than 10000 nodes." {
		t.Errorf("with one node more: %v", err)
	}
	if _, err := NewGraph(&Run{ID: "run"}, tasks, s, at(1)); err != nil {
		t.Errorf("with fewer nodes since then: %v", err)
	}
}

// TestNewGraph_edgesAgree: a node is a child of its parents and of no others.
func TestNewGraph_edgesAgree(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		const n = 20
		var tasks []*taskrun.Run
		for i := range n {
			var inputs []string
			for range random.IntN(5) {
				inputs = append(inputs, strconv.Itoa(random.IntN(n)))
			}
			tasks = append(tasks, task(strconv.Itoa(i), random.IntN(5), inputs...))
		}
		got, err := NewGraph(&Run{ID: "run"}, tasks, snapshotOf(nil, nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		parents, children := map[[2]string]int{}, map[[2]string]int{}
		for _, node := range got.Nodes {
			for _, id := range node.Parents {
				parents[[2]string{id, node.ID}]++
			}
			for _, id := range node.Children {
				children[[2]string{node.ID, id}]++
			}
		}
		if diff := cmp.Diff(parents, children); diff != "" {
			t.Fatalf("edges of parents and of children differ:\n%s", diff)
		}
	}
}

// BenchmarkNewGraph is the graph of a flow run that maps tasks and reduces their results.
func BenchmarkNewGraph(b *testing.B) {
	for _, n := range []int{500, MaxGraphNodes} {
		b.Run(strconv.Itoa(n)+" nodes", func(b *testing.B) {
			tasks := []*taskrun.Run{task("first", 0)}
			var mapped []string
			for i := range n - 2 {
				mapped = append(mapped, "mapped "+strconv.Itoa(i))
				tasks = append(tasks, task(mapped[i], i, "first"))
			}
			tasks = append(tasks, task("reduced", n, mapped...))
			s := snapshotOf(nil, nil)
			for b.Loop() {
				if _, err := NewGraph(&Run{ID: "run"}, tasks, s, &time.Time{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
