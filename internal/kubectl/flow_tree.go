package kubectl

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// flowTree has the task runs of a flow run, and those of its subflows.
type flowTree struct {
	states   stateCounts // of all task runs
	subflows int
	nodes    []treeNode  // shown, by start time
	left     stateCounts // not shown
}

// treeNode is a task run or a subflow.
type treeNode struct {
	label string
	*orchestration.Progress

	tree *flowTree // of a subflow; nil: a task run
}

// stateCounts counts runs by type of state.
type stateCounts map[orchestration.StateType]int

// String lists the counts in the order of the types, such as "2 COMPLETED, 1 FAILED".
func (c stateCounts) String() string {
	var parts []string
	for _, stateType := range orchestration.StateTypes {
		if n := c[stateType]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, stateType))
		}
	}
	return strings.Join(parts, ", ")
}

func (c stateCounts) total() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

// treeReader reads trees.
type treeReader struct {
	reader client.Reader
	flows  *flowSelector
	limit  int // maximum number of task runs shown of a flow run; 0: no limit
	seen   map[string]bool
}

// read returns the tree of a flow run. A flow run that is its own subflow, which objects
// made with kubectl can be, is in it once.
func (t *treeReader) read(ctx context.Context, run flowItem) (*flowTree, error) {
	t.seen[run.ID] = true
	tasks, err := (&selector{flowRun: run.ID}).find(ctx, t.reader, run.object.Namespace)
	if err != nil {
		return nil, err
	}
	tree := &flowTree{states: stateCounts{}, left: stateCounts{}}
	for _, task := range tasks {
		tree.states[task.State.Type]++
		if task.State.Details.ChildFlowRunID != "" {
			tree.subflows++
		}
	}
	shown := mostInteresting(tasks, t.limit)
	for _, task := range tasks {
		tree.left[task.State.Type]++
	}
	for _, task := range shown {
		tree.left[task.State.Type]--
		node, err := t.node(ctx, task)
		if err != nil {
			return nil, err
		}
		tree.nodes = append(tree.nodes, node)
	}
	slices.SortStableFunc(tree.nodes, func(a, b treeNode) int { return compareStarts(a.begin(), b.begin()) })
	return tree, nil
}

// mostInteresting returns at most limit task runs: those that did not complete, and then
// those that the user most likely reads first, the oldest ones.
func mostInteresting(tasks []item, limit int) []item {
	if limit <= 0 || len(tasks) <= limit {
		return tasks
	}
	completed := func(one item) int {
		if one.State.Type == orchestration.Completed && one.State.Details.ChildFlowRunID == "" {
			return 1
		}
		return 0
	}
	sorted := slices.Clone(tasks)
	slices.SortStableFunc(sorted, func(a, b item) int { return cmp.Compare(completed(a), completed(b)) })
	return sorted[:limit]
}

// node returns the node of a task run: its subflow if it has one.
func (t *treeReader) node(ctx context.Context, task item) (treeNode, error) {
	node := treeNode{label: cmp.Or(task.Name, task.object.Name), Progress: &task.Progress}
	child := task.State.Details.ChildFlowRunID
	if child == "" || t.seen[child] {
		return node, nil
	}
	subflow, found, err := t.flows.subflow(ctx, t.reader, task.object.Namespace, child)
	if err != nil || !found {
		return node, err
	}
	node.label, node.Progress = subflow.flow+" / "+subflow.Name, &subflow.Progress
	node.tree, err = t.read(ctx, subflow)
	return node, err
}

// begin returns when a node started or is to start; nil: not known.
func (n *treeNode) begin() *time.Time { return cmp.Or(n.StartTime, n.ExpectedStartTime) }

// compareStarts sorts runs without a time last.
func compareStarts(a, b *time.Time) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(btoi(a == nil), btoi(b == nil))
	default:
		return a.Compare(*b)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

const (
	// maxLabel is the width of the names in a tree, with its lines, and barWidth that of
	// the bars, in characters.
	maxLabel = 44
	barWidth = 24
)

// writeTree shows the tree below a flow run, with times from its start. A flow run without
// task runs has none.
func (p *plugin) writeTree(root treeNode) error {
	if root.tree.states.total() == 0 {
		return nil
	}
	scale := timeScale{now: p.Clock.Now()}
	if root.StartTime != nil {
		scale.from = *root.StartTime
		scale.to = scale.end(&root)
		scale.extend(root.tree)
	}
	return p.out.aligned(func(w *textWriter) {
		w.printf("Tree:\n  RUN\tSTATE\tSTART\tTOOK\t%s\n", scale.header())
		writeNode(w, &root, scale, "", "")
	})
}

// writeNode writes the row of a node, and those of its children. first is in front of its
// own row, rest in front of those of its children.
func writeNode(w *textWriter, n *treeNode, scale timeScale, first, rest string) {
	w.printf("  %s\t%s\t%s\t%s\t%s\n", first+truncate(n.label, maxLabel-len([]rune(first))), stateText(n.State),
		scale.offset(n.StartTime), took(n.Progress, scale.now), scale.bar(n))
	if n.tree == nil {
		return
	}
	left := n.tree.left.total()
	for i := range n.tree.nodes {
		if i == len(n.tree.nodes)-1 && left == 0 {
			writeNode(w, &n.tree.nodes[i], scale, rest+"└─ ", rest+"   ")
			continue
		}
		writeNode(w, &n.tree.nodes[i], scale, rest+"├─ ", rest+"│  ")
	}
	if left > 0 {
		w.printf("  %s└─ … %d more: %s\t\t\t\t\n", rest, left, n.tree.left)
	}
}

// timeScale is the time that the bars of a tree show. A zero from means that the flow run
// has not started.
type timeScale struct{ now, from, to time.Time }

// end returns when a run ended, or now.
func (s timeScale) end(n *treeNode) time.Time {
	if n.EndTime != nil {
		return *n.EndTime
	}
	return s.now
}

// extend includes the ends of all runs of a tree.
func (s *timeScale) extend(tree *flowTree) {
	for i := range tree.nodes {
		n := &tree.nodes[i]
		if end := s.end(n); n.StartTime != nil && end.After(s.to) {
			s.to = end
		}
		if n.tree != nil {
			s.extend(n.tree)
		}
	}
}

// header returns the first and the last time of the bars.
func (s timeScale) header() string {
	if s.from.IsZero() {
		return ""
	}
	return fmt.Sprintf("0s%*s", barWidth-len("0s"), exact(max(s.to.Sub(s.from), 0)))
}

// offset returns a time after the start of the flow run.
func (s timeScale) offset(start *time.Time) string {
	switch {
	case start == nil || s.from.IsZero():
		return none
	case start.Before(s.from):
		return "-" + exact(s.from.Sub(*start))
	default:
		return "+" + exact(start.Sub(s.from))
	}
}

// bar returns the time of a run as a bar. That of an unfinished run ends with an arrow.
func (s timeScale) bar(n *treeNode) string {
	if n.StartTime == nil || s.from.IsZero() {
		return ""
	}
	column := func(at time.Time) float64 {
		total := max(s.to.Sub(s.from), 1)
		return min(max(barWidth*float64(at.Sub(s.from))/float64(total), 0), barWidth)
	}
	first := min(int(column(*n.StartTime)), barWidth-1)
	length := max(int(math.Round(column(s.end(n))))-first, 1)
	bar := strings.Repeat(" ", first) + strings.Repeat("━", length)
	if n.EndTime == nil {
		bar = strings.TrimSuffix(bar, "━") + "▸"
	}
	return bar
}
