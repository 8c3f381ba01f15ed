package kubectl

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// operatorNamespace is where config/default installs the operator.
const operatorNamespace = "taskrun-system"

// queue is `kubectl taskrun queue`.
func (p *plugin) queue() *cobra.Command {
	var which choice
	var system string
	var each bool
	cmd := &cobra.Command{
		Use:     "queue",
		Aliases: []string{"q"},
		Short:   "Tell what waits for what",
		Long: "Tell what the runs that are neither at work nor at their end wait for: a worker, their time, a slot of a concurrency limit,\n" +
			"the worker that holds them, their client, the operator. Leases list the connected workers. Without the permission to list\n" +
			"Leases in all namespaces or in the operator's own, the number of workers that serve a task is not shown.",
		Example: `  kubectl taskrun queue
  kubectl taskrun queue -A -o wide
  kubectl taskrun queue --runs --task add-1a2b3c4d`,
		Args: cobra.NoArgs,
	}
	which.bind(cmd)
	p.allNamespaces(cmd)
	show := dataOutput(cmd)
	cmd.Flags().BoolVar(&each, "runs", false, "each run in a row of its own, the one that has waited longest first")
	cmd.Flags().StringVar(&system, "operator-namespace", operatorNamespace, "where the operator is")
	cmd.Flags().BoolVar(&show.noHeaders, "no-headers", false, "do not print the names of the columns")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := show.check(); err != nil {
			return err
		}
		return p.runQueue(cmd.Context(), &which, system, each, show)
	}
	return cmd
}

func (p *plugin) runQueue(ctx context.Context, which *choice, system string, each bool, show *output) error {
	cluster, err := p.Connect()
	if err != nil {
		return err
	}
	namespace := p.in(cluster)
	if len(which.states) == 0 {
		which.states = unfinished()
	}
	found, err := which.find(ctx, cluster.Client, namespace)
	if err != nil {
		return err
	}
	around, err := p.look(ctx, cluster.Client, namespace, system, found)
	if err != nil {
		return err
	}
	waits := []waiting{}
	for _, one := range found {
		if w, does := around.waitOf(one); does {
			waits = append(waits, w)
		}
	}
	slices.SortStableFunc(waits, func(a, b waiting) int { return a.Since.Compare(b.Since) })
	switch {
	case !show.forPeople():
		return show.data(p.out, waits)
	case len(waits) == 0:
		p.tell("Nothing waits%s.", where(namespace))
		return nil
	case each:
		return show.table(p.out, p.waitTable(waits))
	default:
		return show.table(p.out, p.groupTable(waits))
	}
}

func unfinished() []string {
	return slices.DeleteFunc(stateTypes(), func(s string) bool { return orchestration.StateType(s).Terminal() })
}

// look reads what these runs wait in. What cannot be told is left out, and said so.
func (p *plugin) look(ctx context.Context, reader client.Reader, namespace, system string, found []item) (*surroundings, error) {
	around := &surroundings{now: p.Clock.Now()}
	var limits v1alpha1.ConcurrencyLimitList
	if err := reader.List(ctx, &limits, client.InNamespace(namespace)); err != nil {
		return nil, explain(err)
	}
	around.limits = tagLimits(limits.Items)
	var proposals v1alpha1.StateProposalList
	if err := reader.List(ctx, &proposals, client.InNamespace(namespace)); err != nil {
		return nil, explain(err)
	}
	around.proposals = proposalsByTarget(proposals.Items)
	if !slices.ContainsFunc(found, func(one item) bool { return one.Waiting() || one.Holder() != "" }) {
		return around, nil // workers make no difference
	}
	var err error
	if around.workers, err = readFleet(ctx, reader, system, around.now); err != nil {
		p.tell("Which workers are connected is not known: %v. --operator-namespace tells where the operator is.", err)
	}
	return around, nil
}

// proposalsByTarget groups StateProposals by their run, oldest first.
func proposalsByTarget(proposals []v1alpha1.StateProposal) map[client.ObjectKey][]v1alpha1.StateProposal {
	slices.SortStableFunc(proposals, func(a, b v1alpha1.StateProposal) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	byTarget := map[client.ObjectKey][]v1alpha1.StateProposal{}
	for _, p := range proposals {
		key := client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.TargetRef.Name}
		byTarget[key] = append(byTarget[key], p)
	}
	return byTarget
}

// tagLimits are the limits on tags that keep runs from anything, by namespace.
func tagLimits(limits []v1alpha1.ConcurrencyLimit) map[string][]namedLimit {
	found := map[string][]namedLimit{}
	for i := range limits {
		limit := &limits[i]
		inactive := limit.Spec.Active != nil && !*limit.Spec.Active
		if limit.Spec.Tag == nil || limit.Spec.Slots == nil || inactive || limit.IsStalled() {
			continue
		}
		one := namedLimit{name: *limit.Spec.Tag, slots: int(*limit.Spec.Slots)}
		if limit.Status.ActiveSlots != nil {
			one.taken = int(*limit.Status.ActiveSlots)
		}
		found[limit.Namespace] = append(found[limit.Namespace], one)
	}
	return found
}

// waitTable has a row for each run.
func (p *plugin) waitTable(waits []waiting) *table {
	now := p.Clock.Now()
	t := &table{columns: []string{"NAME", "TASK", "STATE", "FOR", "UNTIL", "WAITS FOR", "+ID", "+SINCE"}}
	if p.all {
		t.columns = append([]string{"NAMESPACE"}, t.columns...)
	}
	for i := range waits {
		w := &waits[i]
		cells := []any{w.Name, orNone(w.TaskKey), w.State, ago(now, w.Since), p.until(w.Until), w.Details, w.ID, p.at(w.Since)}
		if p.all {
			cells = append([]any{w.Namespace}, cells...)
		}
		t.add(cells...)
	}
	return t
}

func (p *plugin) until(at *time.Time) string {
	if at == nil {
		return none
	}
	return p.at(*at)
}

// group are the runs of one task that wait for the same.
type group struct {
	waiting

	runs int
	next *time.Time // the earliest end of a wait that has one
}

// groupTable has a row for each task and what its runs wait for. The runs come
// with the one that has waited longest first.
func (p *plugin) groupTable(waits []waiting) *table {
	now := p.Clock.Now()
	t := &table{columns: []string{"TASK", "WAITS FOR", "RUNS", "LONGEST", "UNTIL", "+FIRST RUN", "+STATE"}}
	if p.all {
		t.columns = append([]string{"NAMESPACE"}, t.columns...)
	}
	for _, g := range groups(waits) {
		cells := []any{orNone(g.TaskKey), g.Details, g.runs, ago(now, g.Since), p.until(g.next), g.Name, g.State}
		if p.all {
			cells = append([]any{g.Namespace}, cells...)
		}
		t.add(cells...)
	}
	return t
}

// groups puts together what differs in its time only.
func groups(waits []waiting) []group {
	type key struct{ namespace, task, kind, details string }
	var all []group
	index := map[key]int{}
	for i := range waits {
		w := waits[i]
		k := key{w.Namespace, w.TaskKey, w.WaitsFor, w.Details}
		at, known := index[k]
		if !known {
			at = len(all)
			index[k] = at
			all = append(all, group{waiting: w})
		}
		all[at].runs++
		if w.Until != nil && (all[at].next == nil || w.Until.Before(*all[at].next)) {
			all[at].next = w.Until
		}
	}
	slices.SortStableFunc(all, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.TaskKey, b.TaskKey))
	})
	return all
}
