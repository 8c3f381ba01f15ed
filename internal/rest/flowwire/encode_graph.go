package flowwire

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// NodeSize is the usual size of a node of a graph in bytes.
const NodeSize = 512

// noArtifacts is the list of artifacts. None are stored.
var noArtifacts = []byte("[]")

// AppendGraphBegin writes a graph up to its nodes (flows contract §2.4).
func AppendGraphBegin(b []byte, g *flowrun.Graph) []byte {
	o := pyjson.BeginObject(b).
		TimeOrNull("start_time", g.Start()).
		TimeOrNull("end_time", g.Run.EndTime)
	var roots []string
	for _, node := range g.Nodes {
		if len(node.Parents) == 0 {
			roots = append(roots, node.ID)
		}
	}
	o = wire.AppendTexts(o.Member("root_node_ids"), roots)
	return append(o.Member("nodes"), '[')
}

// AppendGraphEnd writes a graph after its nodes.
func AppendGraphEnd(b []byte, g *flowrun.Graph) []byte {
	o := pyjson.ObjectWriter(append(b, ']')).Raw("artifacts", noArtifacts)
	o = pyjson.AppendList(o.Member("states"), g.Run.States(), func(b []byte, state orchestration.State) []byte {
		return pyjson.BeginObject(b).
			Text("id", state.ID).
			Time("timestamp", state.Timestamp).
			Text("type", string(state.Type)).
			Text("name", state.Name).
			End()
	})
	return o.End()
}

// AppendNode writes a node of a graph: its id and the node.
func AppendNode(b []byte, node *flowrun.GraphNode) []byte {
	b = append(pyjson.AppendText(append(b, '['), node.ID), ',')
	o := pyjson.BeginObject(b).
		Text("kind", string(node.Kind)).
		Text("id", node.ID).
		Text("label", node.Label).
		Text("state_type", string(node.StateType)).
		Time("start_time", node.StartTime).
		TimeOrNull("end_time", node.EndTime)
	o = appendEdges(o.Member("parents"), node.Parents)
	o = appendEdges(o.Member("children"), node.Children)
	o = appendEdges(o.Member("encapsulating"), node.Encapsulating)
	return append(o.Raw("artifacts", noArtifacts).End(), ']')
}

func appendEdges(b []byte, ids []string) []byte {
	return pyjson.AppendList(b, ids, func(b []byte, id string) []byte { return pyjson.BeginObject(b).Text("id", id).End() })
}

// AppendDependencies writes a task run as it is at the time now, with the task runs that it
// has inputs from (flows contract §2.4).
func AppendDependencies(b []byte, run *taskrun.Run, now time.Time) []byte {
	o := pyjson.BeginObject(b).
		Text("id", run.ID).
		Text("name", run.Name)
	o = pyjson.AppendList(o.Member("upstream_dependencies"), run.Upstream(), wire.AppendInput)
	o = wire.AppendState(o.Member("state"), run, run.State)
	return o.
		TimeOrNull("expected_start_time", run.ExpectedStartTime).
		TimeOrNull("start_time", run.StartTime).
		TimeOrNull("end_time", run.EndTime).
		Seconds("total_run_time", run.TotalRunTime).
		Seconds("estimated_run_time", run.EstimatedRunTime(now)).
		Bool("untrackable_result", run.State != nil && run.State.Details.UntrackableResult).
		End()
}
