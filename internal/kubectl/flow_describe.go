package kubectl

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
)

// defaultTreeLimit is the number of task runs that describe shows of each flow run.
const defaultTreeLimit = 50

// flowMessageWidth is the width of a message in the timeline, in characters.
const flowMessageWidth = 48

// flowDescribe is `kubectl taskrun flow describe`.
func (p *plugin) flowDescribe() *cobra.Command {
	which := flowSelector{plugin: p}
	var limit int
	cmd := &cobra.Command{
		Use:     "describe (NAME | ID | RUN-NAME)...",
		Aliases: []string{"desc", "show"},
		Short:   "Show a flow run, with the tree of its task runs and subflows",
		Long: "Show the spec and the status of a flow run, its wait reason, the tree of its task runs and subflows with their states and\n" +
			"times, and all its states as a timeline.",
		Example: `  kubectl taskrun flow describe quiet-walleye
  kubectl taskrun flow describe 01a22e7f-35e6-7d82-8490-5e3736773454 --tasks 0
  kubectl taskrun flow describe --state CRASHED --flow etl`,
		ValidArgsFunction: completeRuns(p, &which, nil),
	}
	which.bind(cmd)
	p.allNamespaces(cmd)
	show := objectOutput(cmd)
	cmd.Flags().IntVar(&limit, "tasks", defaultTreeLimit,
		"maximum number of task runs to show of each flow run, first those that did not complete (0 = no limit)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if limit < 0 {
			return fmt.Errorf("--tasks %d: must be 0 or more", limit)
		}
		return nil
	}
	describesRuns(p, cmd, show, &which, flowRunList, func(ctx context.Context, cluster Cluster, found []flowItem) error {
		return p.describeFlows(ctx, cluster, &which, found, limit)
	})
	return cmd
}

func (p *plugin) describeFlows(ctx context.Context, cluster Cluster, which *flowSelector, found []flowItem, limit int) error {
	var proposals v1alpha1.StateProposalList
	if err := cluster.Client.List(ctx, &proposals, client.InNamespace(p.namespaceOf(cluster))); err != nil {
		return explain(err)
	}
	around := &waitContext{now: p.Clock.Now(), proposals: proposalsByTarget(proposals.Items)}
	for i, one := range found {
		if i > 0 {
			p.out.printf("\n\n")
		}
		trees := &treeReader{reader: cluster.Client, flows: which, limit: limit, seen: map[string]bool{}}
		tree, err := trees.read(ctx, one)
		if err != nil {
			return err
		}
		if err := p.describeFlow(ctx, cluster.Client, one, around, tree); err != nil {
			return err
		}
	}
	return nil
}

func (p *plugin) describeFlow(ctx context.Context, reader client.Reader, one flowItem, around *waitContext, tree *flowTree) error {
	parameters, parent := readParameters(ctx, reader, one), parentText(ctx, reader, one)
	err := p.out.aligned(func(w *textWriter) {
		p.writeFlowSpec(w, one, parent, parameters)
		p.writeFlowStatus(w, one, around, tree)
	})
	if err != nil {
		return err
	}
	root := treeNode{label: one.flow + " / " + one.Name, Progress: &one.Progress, tree: tree}
	if err := p.writeTree(root); err != nil {
		return err
	}
	if err := p.writeTimeline(one.States(), one.HistoryDropped, flowMessageWidth, decidedBy(one)); err != nil {
		return err
	}
	return p.writeEvents(ctx, reader, one.object)
}

// writeFlowSpec shows the spec.
func (p *plugin) writeFlowSpec(w *textWriter, one flowItem, parent string, parameters []string) {
	w.field("Name", one.object.Name)
	w.field("Namespace", one.object.Namespace)
	w.field("Run name", one.Name)
	w.field("ID", one.ID)
	flow := orNone(one.flow)
	if one.FlowVersion != nil {
		flow += ", version " + *one.FlowVersion
	}
	w.field("Flow", flow)
	w.field("Subflow of", parent)
	w.field("Deployment", one.DeploymentID)
	for i, line := range parameters {
		if i == 0 {
			w.field("Parameters", line)
			continue
		}
		w.printf("\t%s\n", line)
	}
	w.field("Tags", strings.Join(one.Tags, ", "))
	w.field("Labels", labelsText(one.Labels))
	w.field("Retries", flowPolicyText(&one.Policy))
	w.field("Created", p.at(one.Created))
	w.field("Created by", one.object.Annotations[v1alpha1.AnnotationCreatedBy])
	if one.TTL != nil {
		w.field("Kept", one.TTL.String()+" after it has finished")
	}
}

// parentText returns the flow run that called the run, and the task run that stands for the
// run there; empty if the run is not a subflow.
func parentText(ctx context.Context, reader client.Reader, one flowItem) string {
	if one.ParentTaskRunID == "" {
		return ""
	}
	task := &v1alpha1.TaskRun{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: one.object.Namespace, Name: one.ParentTaskRunID}, task)
	if err != nil || task.Spec.FlowRunID == "" {
		return "task run " + one.ParentTaskRunID
	}
	return fmt.Sprintf("flow run %s, by its task run %s", task.Spec.FlowRunID, cmp.Or(task.Spec.Name, task.Name))
}

// writeFlowStatus shows the status.
func (p *plugin) writeFlowStatus(w *textWriter, one flowItem, around *waitContext, tree *flowTree) {
	now := p.Clock.Now()
	w.field("State", fmt.Sprintf("%s for %s", stateText(one.State), ago(now, one.State.Timestamp)))
	w.field("Message", truncate(message(one.State), parameterWidth))
	if waits, does := around.flowWait(one); does {
		text := waits.Details
		if waits.Until != nil {
			text += ", until " + p.at(*waits.Until)
		}
		w.field("Waits for", text)
	}
	if one.InfrastructurePID != nil {
		w.field("Executed by", *one.InfrastructurePID)
	}
	if one.StartTime != nil {
		w.field("Started", p.at(*one.StartTime))
	}
	if one.EndTime != nil {
		w.field("Ended", p.at(*one.EndTime))
	}
	w.field("Runs", fmt.Sprintf("%d, took %s", one.RunCount, took(&one.Progress, now)))
	if total := tree.states.total(); total > 0 {
		w.field("Task runs", fmt.Sprintf("%d: %s", total, tree.states))
	}
	if tree.subflows > 0 {
		w.field("Subflows", strconv.Itoa(tree.subflows))
	}
	writeProposals(w, around.proposalsFor(one))
}

// decidedBy returns the users who moved the run by a StateProposal, as the source of its
// states; nil if none did.
func decidedBy(one flowItem) func(*orchestration.State) string {
	users := map[string]string{}
	for _, decision := range one.Decisions {
		if decision.StateID != "" {
			users[decision.StateID] = decision.Proposer
		}
	}
	if len(users) == 0 {
		return nil
	}
	return func(state *orchestration.State) string { return users[state.ID] }
}

func flowPolicyText(p *flowrun.Policy) string {
	if p.Retries == nil || *p.Retries == 0 {
		return ""
	}
	text := strconv.FormatInt(*p.Retries, 10)
	if p.RetryDelay != nil && *p.RetryDelay > 0 {
		text += fmt.Sprintf(", after %d seconds", *p.RetryDelay)
	}
	return text
}

const (
	// maxParameters is the number of parameters that describe shows.
	maxParameters = 10
	// parameterWidth is the width of a parameter, in characters.
	parameterWidth = 100
)

// readParameters returns a line for each parameter of the run, or one about why they
// cannot be shown.
func readParameters(ctx context.Context, reader client.Reader, one flowItem) []string {
	text := one.Parameters
	switch name := one.Unloaded.Parameters; name {
	case "":
	case convert.PartInObject:
		text = one.object.Spec.Parameters.Raw
	default:
		var data v1alpha1.RunData
		if err := reader.Get(ctx, client.ObjectKey{Namespace: one.object.Namespace, Name: name}, &data); err != nil {
			return []string{fmt.Sprintf("in RunData %s, which cannot be read: %v", name, err)}
		}
		text = convert.PartFromData(&data, v1alpha1.DataParameters)
	}
	return parameterLines(text)
}

// parameterLines returns the parameters of a flow run, each in a line, in the order of
// their names.
func parameterLines(text json.RawMessage) []string {
	var values map[string]json.RawMessage
	if json.Unmarshal(text, &values) != nil {
		return nil
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(lines) == maxParameters {
			return append(lines, fmt.Sprintf("… %d more", len(values)-maxParameters))
		}
		var compact bytes.Buffer
		_ = json.Compact(&compact, values[name])
		lines = append(lines, truncate(name+"="+compact.String(), parameterWidth))
	}
	return lines
}
