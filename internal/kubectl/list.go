package kubectl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// messageWidth is the width of a message in a row, in characters.
const messageWidth = 80

// runTimes are the times that runs are sorted by.
type runTimes struct {
	created, updated time.Time
	took             time.Duration // in RUNNING
}

// ordersOf returns the values of --sort-by. One of them is a column.
func ordersOf[T row](by string, origin column[T]) map[string]func(a, b T) int {
	return map[string]func(a, b T) int{
		"created": func(a, b T) int { return a.times().created.Compare(b.times().created) },
		"updated": func(a, b T) int { return a.times().updated.Compare(b.times().updated) },
		"name":    func(a, b T) int { return cmp.Compare(a.meta().GetName(), b.meta().GetName()) },
		"state":   func(a, b T) int { return cmp.Compare(a.state().Type, b.state().Type) },
		"took":    func(a, b T) int { return cmp.Compare(a.times().took, b.times().took) },
		by:        func(a, b T) int { return cmp.Compare(origin.cell(a), origin.cell(b)) },
	}
}

func orderNames[T any](orders map[string]T) string {
	return strings.Join(slices.Sorted(maps.Keys(orders)), ", ")
}

// listFlags are the flags of a list.
type listFlags struct {
	order string
	limit int
}

func (l *listFlags) bind(cmd *cobra.Command, show *output, orders string) {
	cmd.Flags().StringVar(&l.order, "sort-by", "created", "one of: "+orders)
	cmd.Flags().IntVar(&l.limit, "limit", 0, "maximum number of runs to show, newest first (0 = no limit)")
	cmd.Flags().BoolVar(&show.noHeaders, "no-headers", false, "do not print the column names")
}

// checkOrder returns the selected order, or what is invalid in the flags.
func checkOrder[T any](l *listFlags, show *output, orders map[string]func(a, b T) int) (func(a, b T) int, error) {
	compare, known := orders[l.order]
	switch {
	case !known:
		return nil, fmt.Errorf("--sort-by %s: must be one of %s", l.order, orderNames(orders))
	case l.limit < 0:
		return nil, fmt.Errorf("--limit %d: must be 0 or more", l.limit)
	default:
		return compare, show.check()
	}
}

// list is `kubectl taskrun list`.
func (p *plugin) list() *cobra.Command {
	var which selector
	orders := ordersOf("task", taskColumn)
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls", "get"},
		Short:   "List runs, newest last",
		Long:    "List runs, newest last. TOOK is the time in RUNNING, over all attempts.",
		Example: `  kubectl taskrun list
  kubectl taskrun list --state FAILED,CRASHED -A -o wide
  kubectl taskrun list --task load_users-1a2b3c4d --tag nightly --limit 20
  kubectl taskrun list --state RUNNING -o name`,
		Args: cobra.NoArgs,
	}
	which.bind(cmd)
	listsRuns(p, cmd, &which, orders, taskRunList, func(found []item, _ *output) *table { return p.runTable(found) })
	return cmd
}

// listsRuns makes a command list the selected runs of a kind, with the flags of lists.
func listsRuns[T row](
	p *plugin, cmd *cobra.Command, which source[T], orders map[string]func(a, b T) int,
	list func([]T) runtime.Object, tableOf func([]T, *output) *table,
) {
	var at listFlags
	p.allNamespaces(cmd)
	show := objectOutput(cmd, formatWide)
	at.bind(cmd, show, orderNames(orders))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		compare, err := checkOrder(&at, show, orders)
		if err != nil {
			return err
		}
		cluster, err := p.Connect()
		if err != nil {
			return err
		}
		namespace := p.namespaceOf(cluster)
		found, err := which.find(cmd.Context(), cluster.Client, namespace)
		if err != nil {
			return err
		}
		slices.SortStableFunc(found, compare)
		return showList(p, show, found, at.limit, namespace, list, func(found []T) *table { return tableOf(found, show) })
	}
}

// showList shows the last runs in a format, at most limit of them (0: all).
func showList[T row](
	p *plugin, show *output, found []T, limit int, namespace string, list func([]T) runtime.Object, tableOf func([]T) *table,
) error {
	left := 0
	if limit > 0 && len(found) > limit {
		left = len(found) - limit
		found = found[left:]
	}
	if !show.isTable() {
		return showData(p, show, found, false, list)
	}
	if len(found) == 0 {
		p.note("No runs found%s.", where(namespace))
		return nil
	}
	if err := show.table(p.out, tableOf(found)); err != nil {
		return err
	}
	if left > 0 {
		p.note("%d more come before these.", left)
	}
	return nil
}

func where(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in the namespace " + namespace
}

func (p *plugin) runTable(found []item) *table {
	now := p.Clock.Now()
	t := &table{columns: []string{"NAME", "STATE", "TASK", "RUNS", "TOOK", "AGE", "+RUN NAME", "+TAGS", "+WORKER", "+MESSAGE"}}
	if p.all {
		t.columns = append([]string{"NAMESPACE"}, t.columns...)
	}
	for _, one := range found {
		cells := []any{
			one.object.Name, stateText(one.State), orNone(one.TaskKey), one.RunCount, took(&one.Progress, now), ago(now, one.Created),
			orNone(one.Name), orNone(strings.Join(one.Tags, ",")), orNone(one.Holder()), truncate(message(one.State), messageWidth),
		}
		if p.all {
			cells = append([]any{one.object.Namespace}, cells...)
		}
		t.add(cells...)
	}
	return t
}

// stateText returns the type of a state, with its name if that is not the default.
func stateText(s *orchestration.State) string {
	if s.Name == "" || s.Name == s.Type.DefaultName() {
		return string(s.Type)
	}
	return fmt.Sprintf("%s (%s)", s.Type, s.Name)
}

func message(s *orchestration.State) string {
	if s.Message == nil {
		return ""
	}
	return *s.Message
}

// took returns the time in RUNNING, <none> for never.
func took(progress *orchestration.Progress, now time.Time) string {
	if progress.StartTime == nil {
		return none
	}
	return exact(progress.EstimatedRunTime(now))
}
