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

// operatorNamespace is the namespace of config/default.
const operatorNamespace = "taskrun-system"

// queue is `kubectl taskrun queue`.
func (p *plugin) queue() *cobra.Command {
	var which selector
	var system string
	var each bool
	cmd := &cobra.Command{
		Use:     "queue",
		Aliases: []string{"q"},
		Short:   "Show the wait reasons of runs",
		Long: "Show the wait reasons of runs that are neither executed nor finished: a worker, the due time, a slot of a concurrency\n" +
			"limit, the worker that holds the run, its client, or the operator. Leases list the connected workers. Without the permission to list\n" +
			"Leases in all namespaces or in the operator's own, the number of workers that serve a task is not shown.",
		Example: `  kubectl taskrun queue
  kubectl taskrun queue -A -o wide
  kubectl taskrun queue --runs --task add-1a2b3c4d`,
		Args: cobra.NoArgs,
	}
	which.bind(cmd)
	p.allNamespaces(cmd)
	show := dataOutput(cmd)
	cmd.Flags().BoolVar(&each, "runs", false, "show one row per run, longest wait first")
	cmd.Flags().StringVar(&system, "operator-namespace", operatorNamespace, "namespace of the operator")
	cmd.Flags().BoolVar(&show.noHeaders, "no-headers", false, "do not print the column names")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := show.check(); err != nil {
			return err
		}
		return p.runQueue(cmd.Context(), &which, system, each, show)
	}
	return cmd
}

func (p *plugin) runQueue(ctx context.Context, which *selector, system string, each bool, show *output) error {
	cluster, err := p.Connect()
	if err != nil {
		return err
	}
	namespace := p.namespaceOf(cluster)
	if len(which.states) == 0 {
		which.states = unfinished()
	}
	found, err := which.find(ctx, cluster.Client, namespace)
	if err != nil {
		return err
	}
	around, err := p.readWaitContext(ctx, cluster.Client, namespace, system, found)
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
	case !show.isTable():
		return show.data(p.out, waits)
	case len(waits) == 0:
		p.note("Nothing waits%s.", where(namespace))
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

// readWaitContext reads the data that explains the waits of these runs. It notes data
// that cannot be read.
func (p *plugin) readWaitContext(ctx context.Context, reader client.Reader, namespace, system string, found []item) (*waitContext, error) {
	around := &waitContext{now: p.Clock.Now()}
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
		return around, nil // no run waits for a worker
	}
	var err error
	if around.workers, err = readWorkers(ctx, reader, system, around.now); err != nil {
		p.note("The connected workers are unknown: %v. Set --operator-namespace to the namespace of the operator.", err)
	}
	return around, nil
}

// proposalsByTarget groups StateProposals by their run, oldest first.
func proposalsByTarget(proposals []v1alpha1.StateProposal) map[targetKey][]v1alpha1.StateProposal {
	slices.SortStableFunc(proposals, func(a, b v1alpha1.StateProposal) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	byTarget := map[targetKey][]v1alpha1.StateProposal{}
	for _, p := range proposals {
		key := targetKey{p.Spec.TargetRef.Kind, p.Namespace, p.Spec.TargetRef.Name}
		byTarget[key] = append(byTarget[key], p)
	}
	return byTarget
}

// tagLimits returns the active limits on tags, by namespace.
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
			one.used = int(*limit.Status.ActiveSlots)
		}
		found[limit.Namespace] = append(found[limit.Namespace], one)
	}
	return found
}

// waitTable returns a table with a row for each run.
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

// group is the runs of one task with the same wait reason.
type group struct {
	waiting

	runs int
	next *time.Time // earliest known end of a wait
}

// groupTable returns a table with a row for each task and wait reason. The group with
// the longest wait is first.
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

// groups merges waits that differ only in their times.
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
