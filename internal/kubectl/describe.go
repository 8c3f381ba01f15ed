package kubectl

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// timeFormat shows times to the millisecond, with the zone.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

func (p *plugin) at(t time.Time) string { return t.In(p.Zone).Format(timeFormat) }

// describe is `kubectl taskrun describe`.
func (p *plugin) describe() *cobra.Command {
	var which selector
	var system string
	cmd := &cobra.Command{
		Use:     "describe (NAME | ID)...",
		Aliases: []string{"desc", "show"},
		Short:   "Show a run, with all its states as a timeline",
		Long: "Show the spec and the status of a run, its wait reason, and all its states as a timeline. Name a run by the name of\n" +
			"its object, or by its id over REST.",
		Example: `  kubectl taskrun describe load-users
  kubectl taskrun describe 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4
  kubectl taskrun describe --state CRASHED --task load_users-1a2b3c4d`,
		ValidArgsFunction: completeRuns(p, &which, nil),
	}
	which.bind(cmd)
	p.allNamespaces(cmd)
	show := objectOutput(cmd)
	cmd.Flags().StringVar(&system, "operator-namespace", operatorNamespace, "namespace of the operator")
	describesRuns(p, cmd, show, &which, taskRunList, func(ctx context.Context, cluster Cluster, found []item) error {
		return p.describeAll(ctx, cluster, found, system)
	})
	return cmd
}

// describesRuns makes a command show the selected runs of a kind as data, or describe them.
func describesRuns[T row](
	p *plugin, cmd *cobra.Command, show *output, which source[T], list func([]T) runtime.Object,
	describe func(ctx context.Context, cluster Cluster, found []T) error,
) {
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		if err := show.check(); err != nil {
			return err
		}
		cluster, err := p.Connect()
		if err != nil {
			return err
		}
		found, err := selected(cmd.Context(), p, cluster, which, names)
		if err != nil {
			return err
		}
		if !show.isTable() {
			return showData(p, show, found, len(names) == 1, list)
		}
		return describe(cmd.Context(), cluster, found)
	}
}

func (p *plugin) describeAll(ctx context.Context, cluster Cluster, found []item, system string) error {
	around, err := p.readWaitContext(ctx, cluster.Client, p.namespaceOf(cluster), system, found)
	if err != nil {
		return err
	}
	for i, one := range found {
		if i > 0 {
			p.out.printf("\n\n")
		}
		if err := p.describeOne(ctx, cluster, one, around); err != nil {
			return err
		}
	}
	return nil
}

func (p *plugin) describeOne(ctx context.Context, cluster Cluster, one item, around *waitContext) error {
	err := p.out.aligned(func(w *textWriter) {
		p.writeSpec(w, one)
		p.writeStatus(w, one, around)
	})
	if err != nil {
		return err
	}
	if err := p.writeTimeline(one.States(), one.HistoryDropped, 2*messageWidth, enteredBy); err != nil {
		return err
	}
	return p.writeEvents(ctx, cluster.Client, one.object)
}

// writeSpec shows the spec.
func (p *plugin) writeSpec(w *textWriter, one item) {
	w.field("Name", one.object.Name)
	w.field("Namespace", one.object.Namespace)
	w.field("Run name", one.Name)
	w.field("ID", one.ID)
	task := orNone(one.TaskKey)
	if one.TaskVersion != nil {
		task += ", version " + *one.TaskVersion
	}
	w.field("Task", task)
	w.field("Dynamic key", one.DynamicKey)
	w.field("Flow run", one.FlowRunID)
	w.field("Tags", strings.Join(one.Tags, ", "))
	w.field("Labels", labelsText(one.Labels))
	w.field("Retries", policyText(&one.Policy))
	for i, input := range inputLines(one.Run) {
		if i > 0 {
			w.printf("\t%s\n", input)
			continue
		}
		w.field("Inputs", input)
	}
	w.field("Created", p.at(one.Created))
	w.field("Created by", one.object.Annotations[v1alpha1.AnnotationCreatedBy])
	if one.TTL != nil {
		w.field("Kept", one.TTL.String()+" after it has finished")
	}
}

// writeStatus shows the status.
func (p *plugin) writeStatus(w *textWriter, one item, around *waitContext) {
	now := p.Clock.Now()
	w.field("State", fmt.Sprintf("%s for %s", stateText(one.State), ago(now, one.State.Timestamp)))
	w.field("Message", truncate(message(one.State), 4*messageWidth))
	if waits, does := around.waitOf(one); does {
		text := waits.Details
		if waits.Until != nil {
			text += ", until " + p.at(*waits.Until)
		}
		w.field("Waits for", text)
	}
	if d := one.Delivery; d != nil {
		w.field("Worker", fmt.Sprintf("%s; %s, last %s ago", orNone(d.Holder), d.Count(), ago(now, d.Since)))
	}
	if one.StartTime != nil {
		w.field("Started", p.at(*one.StartTime))
	}
	if one.EndTime != nil {
		w.field("Ended", p.at(*one.EndTime))
	}
	w.field("Runs", fmt.Sprintf("%d, took %s", one.RunCount, took(&one.Progress, now)))
	writeProposals(w, around.proposalsFor(one))
}

func writeProposals(w *textWriter, proposals []v1alpha1.StateProposal) {
	for i := range proposals {
		w.field("Proposal", proposalText(&proposals[i]))
	}
}

// proposalText returns one line about a StateProposal, such as "CANCELLED by alice: Rejected, ...".
func proposalText(p *v1alpha1.StateProposal) string {
	text := p.Spec.State.Type
	if p.Spec.Proposer != "" {
		text += " by " + p.Spec.Proposer
	}
	if p.Status.Verdict == "" {
		return text + ": not evaluated yet"
	}
	text += ": " + p.Status.Verdict
	if p.Status.Reason != "" {
		text += ", " + p.Status.Reason
	}
	return text
}

func labelsText(labels map[string]json.RawMessage) string {
	texts := make([]string, 0, len(labels))
	for key, value := range labels {
		texts = append(texts, key+"="+string(value))
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func policyText(p *taskrun.Policy) string {
	if p.Retries == "" || p.Retries == "0" {
		return ""
	}
	text := p.Retries
	if p.RetryDelay != nil && len(p.RetryDelay.Seconds) > 0 {
		text += ", after " + strings.Join(p.RetryDelay.Seconds, ", ") + " seconds"
	}
	return text
}

// inputLines returns a line for each argument with its sources. A source that the spec names by its
// object has the object name, too.
func inputLines(run *taskrun.Run) []string {
	names, lines := map[string]string{}, []string(nil)
	if run.Named != nil {
		names, lines = namedInputs(run.Named)
	}
	for argument, inputs := range run.TaskInputs {
		for _, input := range inputs {
			from := strings.TrimSpace(strings.ReplaceAll(string(input.InputType), "_", " ") + " " + input.ID + input.Name + input.Type)
			if name := names[input.ID]; name != "" && input.InputType == taskrun.InputTaskRun {
				from += ", TaskRun " + name
			}
			lines = append(lines, argument+" from "+from)
		}
	}
	slices.Sort(lines)
	return lines
}

// namedInputs returns the names of TaskRuns by the ids of their runs, and a line for
// each source that was not found yet.
func namedInputs(named *taskrun.NamedInputs) (names map[string]string, notFound []string) {
	names, ids := map[string]string{}, named.IDs
	for _, argument := range named.Arguments {
		for _, source := range argument.Sources {
			switch {
			case !source.IsNamed():
				continue
			case ids[0] == "":
				notFound = append(notFound, argument.Name+" from TaskRun "+source.Name+", not found yet: left out over REST")
			default:
				names[ids[0]] = source.Name
			}
			ids = ids[1:]
		}
	}
	return names, notFound
}

// writeEvents shows the Events of an object, newest last.
func (p *plugin) writeEvents(ctx context.Context, reader client.Reader, object client.Object) error {
	var events eventsv1.EventList
	err := reader.List(ctx, &events, client.InNamespace(object.GetNamespace()),
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("regarding.uid", string(object.GetUID()))})
	if err != nil {
		p.note("The Events of %s cannot be read: %v", object.GetName(), err)
		return nil
	}
	if len(events.Items) == 0 {
		return nil
	}
	slices.SortStableFunc(events.Items, func(a, b eventsv1.Event) int { return lastSeen(&a).Compare(lastSeen(&b)) })
	return p.out.aligned(func(w *textWriter) {
		w.printf("Events:\n  WHEN\tTYPE\tREASON\tMESSAGE\n")
		for i := range events.Items {
			event := &events.Items[i]
			w.printf("  %s\t%s\t%s\t%s\n", p.at(lastSeen(event)), event.Type, event.Reason, truncate(event.Note, 4*messageWidth))
		}
	})
}

func lastSeen(e *eventsv1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	default:
		return e.CreationTimestamp.Time
	}
}
