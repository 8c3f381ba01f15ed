package kubectl

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// messageWidth is the width of a message in a row, in characters.
const messageWidth = 80

// orders are the values of --sort-by.
var orders = map[string]func(a, b item) int{
	"created": func(a, b item) int { return a.Created.Compare(b.Created) },
	"updated": func(a, b item) int { return a.Updated.Compare(b.Updated) },
	"name":    func(a, b item) int { return cmp.Compare(a.object.Name, b.object.Name) },
	"task":    func(a, b item) int { return cmp.Compare(a.TaskKey, b.TaskKey) },
	"state":   func(a, b item) int { return cmp.Compare(a.State.Type, b.State.Type) },
	"took":    func(a, b item) int { return cmp.Compare(a.TotalRunTime, b.TotalRunTime) },
}

func orderNames() []string {
	names := make([]string, 0, len(orders))
	for name := range orders {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// list is `kubectl taskrun list`.
func (p *plugin) list() *cobra.Command {
	var which selector
	var order string
	var limit int
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
	p.allNamespaces(cmd)
	show := objectOutput(cmd, formatWide)
	cmd.Flags().StringVar(&order, "sort-by", "created", "one of: "+strings.Join(orderNames(), ", "))
	cmd.Flags().IntVar(&limit, "limit", 0, "maximum number of runs to show, newest first (0 = no limit)")
	cmd.Flags().BoolVar(&show.noHeaders, "no-headers", false, "do not print the column names")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		compare, known := orders[order]
		if !known {
			return fmt.Errorf("--sort-by %s: must be one of %s", order, strings.Join(orderNames(), ", "))
		}
		if limit < 0 {
			return fmt.Errorf("--limit %d: must be 0 or more", limit)
		}
		if err := show.check(); err != nil {
			return err
		}
		return p.runList(cmd.Context(), &which, compare, limit, show)
	}
	return cmd
}

func (p *plugin) runList(ctx context.Context, which *selector, compare func(a, b item) int, limit int, show *output) error {
	cluster, err := p.Connect()
	if err != nil {
		return err
	}
	namespace := p.namespaceOf(cluster)
	found, err := which.find(ctx, cluster.Client, namespace)
	if err != nil {
		return err
	}
	slices.SortStableFunc(found, compare)
	left := 0
	if limit > 0 && len(found) > limit {
		left = len(found) - limit
		found = found[left:]
	}
	if !show.isTable() {
		return show.objects(p.out, found)
	}
	if len(found) == 0 {
		p.note("No runs found%s.", where(namespace))
		return nil
	}
	if err := show.table(p.out, p.runTable(found)); err != nil {
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
			one.object.Name, stateText(one.State), orNone(one.TaskKey), one.RunCount, took(one.Run, now), ago(now, one.Created),
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
func took(run *taskrun.Run, now time.Time) string {
	if run.StartTime == nil {
		return none
	}
	return exact(run.EstimatedRunTime(now))
}
