package flowrun

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// MaxGraphNodes is the largest number of nodes in a graph.
const MaxGraphNodes = 10_000

// GraphSizeError reports a graph with more nodes than MaxGraphNodes.
type GraphSizeError struct{ RunID string }

func (e *GraphSizeError) Error() string {
	return fmt.Sprintf("The graph of flow run %s has more than %d nodes.", e.RunID, MaxGraphNodes)
}

// Graph is a run with its task runs and subflows, and how they depend on each other (flows
// contract §2.4).
type Graph struct {
	Run   *Run
	Nodes []*GraphNode // by start time, end time and id; a missing end time is last
}

// NodeKind tells what a node of a graph is.
type NodeKind string

// The kinds of nodes.
const (
	NodeTaskRun NodeKind = "task-run"
	NodeFlowRun NodeKind = "flow-run" // a subflow, in place of the task run that stands for it
)

// GraphNode is a task run or a subflow. The edges are ids of nodes, each once, in the order
// of the nodes. Those nodes need not be part of the graph: it may leave out nodes that
// ended long ago.
type GraphNode struct {
	Kind          NodeKind
	ID            string
	Label         string
	StateType     orchestration.StateType
	StartTime     time.Time
	EndTime       *time.Time
	Parents       []string // the nodes that it has inputs from
	Children      []string // the nodes that have inputs from it
	Encapsulating []string // the task runs that it was called from

	inputs map[string][]taskrun.TaskInput
}

// encapsulatingInput is the key of the task inputs that name the calling task runs.
const encapsulatingInput = "__parents__"

// NewGraph returns the graph of a run. The task runs are those of the run, in any order,
// and the snapshot has the subflows. Task runs that have no state yet are left out, and
// with since nodes that ended earlier. It returns *GraphSizeError for too many nodes.
func NewGraph(run *Run, tasks []*taskrun.Run, s Snapshot, since *time.Time) (*Graph, error) {
	nodes := graphNodes(tasks, s)
	connect(nodes)
	if since != nil {
		nodes = slices.DeleteFunc(nodes, func(n *GraphNode) bool { return n.EndTime != nil && n.EndTime.Before(*since) })
	}
	if len(nodes) > MaxGraphNodes {
		return nil, &GraphSizeError{RunID: run.ID}
	}
	return &Graph{Run: run, Nodes: nodes}, nil
}

// Start returns when the run started or was to start, nil for a run without a state.
func (g *Graph) Start() *time.Time { return g.Run.startOrExpected() }

// graphNodes returns the nodes of the task runs in their order, without edges.
func graphNodes(tasks []*taskrun.Run, s Snapshot) []*GraphNode {
	nodes := make([]*GraphNode, 0, len(tasks))
	for _, task := range tasks {
		if node := newNode(task, s); node != nil {
			nodes = append(nodes, node)
		}
	}
	slices.SortFunc(nodes, func(a, b *GraphNode) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), compareEnds(a.EndTime, b.EndTime), cmp.Compare(a.ID, b.ID))
	})
	return nodes
}

func compareEnds(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	default:
		return a.Compare(*b)
	}
}

// newNode returns the node of a task run: its subflow if it has one. It is nil for a task
// run without a state.
func newNode(task *taskrun.Run, s Snapshot) *GraphNode {
	node := &GraphNode{Kind: NodeTaskRun, ID: task.ID, Label: task.Name, inputs: task.TaskInputs}
	progress := &task.Progress
	if subflow := s.Subflow(task.ID); subflow != nil {
		node.Kind, node.ID, progress = NodeFlowRun, subflow.ID, &subflow.Progress
		if flow := s.Flow(subflow.FlowID); flow != nil {
			node.Label = flow.Name + " / " + subflow.Name
		}
	}
	start := cmp.Or(progress.StartTime, progress.ExpectedStartTime)
	if progress.State == nil || start == nil {
		return nil
	}
	node.StateType, node.StartTime, node.EndTime = progress.State.Type, *start, progress.EndTime
	if node.EndTime == nil && node.StateType == orchestration.Completed {
		node.EndTime = progress.ExpectedStartTime
	}
	return node
}

// connect sets the edges of the nodes, which are in their order.
func connect(nodes []*GraphNode) {
	at := make(map[string]int, len(nodes))
	for i, node := range nodes {
		at[node.ID] = i
	}
	var edges []int // indexes of nodes, reused
	for _, node := range nodes {
		edges = edges[:0]
		for key, inputs := range node.inputs {
			if key != encapsulatingInput {
				edges = appendNodes(edges, inputs, at)
			}
		}
		for _, i := range inOrder(edges) {
			node.Parents = append(node.Parents, nodes[i].ID)
			nodes[i].Children = append(nodes[i].Children, node.ID)
		}
		for _, i := range inOrder(appendNodes(edges[:0], node.inputs[encapsulatingInput], at)) {
			node.Encapsulating = append(node.Encapsulating, nodes[i].ID)
		}
	}
}

// appendNodes appends the indexes of the nodes that the inputs name.
func appendNodes(edges []int, inputs []taskrun.TaskInput, at map[string]int) []int {
	for _, input := range inputs {
		if i, found := at[input.ID]; found {
			edges = append(edges, i)
		}
	}
	return edges
}

// inOrder sorts the indexes and drops repetitions.
func inOrder(edges []int) []int {
	slices.Sort(edges)
	return slices.Compact(edges)
}
