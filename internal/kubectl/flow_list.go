package kubectl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// terminalWidth is the width that tables of flow runs fit into, in characters, if
// namespaces and states have the usual lengths.
const terminalWidth = 120

// flowList is `kubectl taskrun flow list`.
func (p *plugin) flowList() *cobra.Command {
	which := flowSelector{plugin: p}
	orders := ordersOf("flow", flowColumn)
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls", "get"},
		Short:   "List flow runs, newest last",
		Long: "List flow runs, newest last. TOOK is the time in RUNNING, over all attempts. Long names are truncated; -o wide shows\n" +
			"them whole.",
		Example: `  kubectl taskrun flow list
  kubectl taskrun flow list --state FAILED,CRASHED -A -o wide
  kubectl taskrun flow list --flow etl --top-level --limit 20
  kubectl taskrun flow list --state RUNNING -o name`,
		Args: cobra.NoArgs,
	}
	which.bind(cmd)
	listsRuns(p, cmd, &which, orders, flowRunList, func(found []flowItem, show *output) *table {
		t := p.flowTable(found)
		if show.format != formatWide {
			t.fit(terminalWidth, "FLOW", "RUN NAME")
		}
		return t
	})
	return cmd
}

func (p *plugin) flowTable(found []flowItem) *table {
	now := p.Clock.Now()
	t := &table{columns: []string{"NAME", "STATE", "FLOW", "RUN NAME", "TOOK", "AGE", "+RUNS", "+PARENT TASK RUN", "+TAGS", "+MESSAGE"}}
	if p.all {
		t.columns = append([]string{"NAMESPACE"}, t.columns...)
	}
	for _, one := range found {
		cells := []any{
			one.object.Name, stateText(one.State), orNone(one.flow), orNone(one.Name), took(&one.Progress, now), ago(now, one.Created),
			one.RunCount, orNone(one.ParentTaskRunID), orNone(strings.Join(one.Tags, ",")), truncate(message(one.State), messageWidth),
		}
		if p.all {
			cells = append([]any{one.object.Namespace}, cells...)
		}
		t.add(cells...)
	}
	return t
}

// minColumn is the least width of a column that fit truncates.
const minColumn = 12

// fit truncates the cells of the named columns, the longest ones first, until the table
// without its wide columns has at most this width. Widths are in bytes, because the printer
// of tables aligns bytes.
func (t *table) fit(width int, names ...string) {
	const space = 3 // between columns
	widths := t.widths()
	shrinks := func(i int) bool { return slices.Contains(names, t.columns[i]) }
	for i, column := range t.columns {
		if !strings.HasPrefix(column, "+") {
			width -= widths[i] + space
		}
	}
	for width += space; width < 0; width++ {
		longest := -1
		for i := range widths {
			if shrinks(i) && widths[i] > max(minColumn, widthOf(widths, longest)) {
				longest = i
			}
		}
		if longest < 0 {
			break
		}
		widths[longest]--
	}
	t.truncate(widths, shrinks)
}

func widthOf(widths []int, i int) int {
	if i < 0 {
		return 0
	}
	return widths[i]
}

// truncate truncates the cells of some columns to their widths.
func (t *table) truncate(widths []int, of func(i int) bool) {
	for i := range t.columns {
		for _, cells := range t.rows {
			if of(i) {
				cells[i] = truncateBytes(fmt.Sprint(cells[i]), widths[i])
			}
		}
	}
}

// widths returns the width of each column.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, column := range t.columns {
		widths[i] = len(column)
		for _, cells := range t.rows {
			widths[i] = max(widths[i], len(printable(fmt.Sprint(cells[i]))))
		}
	}
	return widths
}

// truncateBytes returns the text as it is printed, at most most bytes of it.
func truncateBytes(text string, most int) string {
	text = printable(text)
	short := text
	for n := most; len(short) > most; n-- {
		short = truncate(text, n)
	}
	return short
}
