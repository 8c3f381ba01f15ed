package load

import (
	"fmt"
	"strings"
	"time"
)

// Table is a Markdown table.
type Table struct {
	width int
	text  strings.Builder
}

// NewTable returns a table with these column headings.
func NewTable(heads ...string) *Table {
	t := &Table{width: len(heads)}
	t.Row(heads...)
	t.text.WriteString(strings.Repeat("|---", t.width) + "|\n")
	return t
}

// Row adds a row. Missing cells are empty, surplus ones are dropped.
func (t *Table) Row(cells ...string) {
	for i := range t.width {
		cell := ""
		if i < len(cells) {
			cell = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		t.text.WriteString("| " + cell + " ")
	}
	t.text.WriteString("|\n")
}

// String returns the table as Markdown, followed by an empty line.
func (t *Table) String() string { return t.text.String() + "\n" }

// Millis formats a time in milliseconds: with two decimals below ten, one from
// ten on.
func Millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.2f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// Rate formats operations per second, with one decimal below ten.
func Rate(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return fmt.Sprintf("%.0f", perSecond)
}

// Bytes formats a size in KiB or MiB.
func Bytes(n float64) string {
	if n < 1<<20 && n > -1<<20 {
		return fmt.Sprintf("%.1f KiB", n/(1<<10))
	}
	return fmt.Sprintf("%.0f MiB", n/(1<<20))
}

// String formats the median, with the minimum and maximum in parentheses.
func (r Ratio) String() string {
	form := "%.2f (%.2f to %.2f)"
	if r.Median >= 10 {
		form = "%.0f (%.0f to %.0f)"
	}
	return fmt.Sprintf(form, r.Median, r.Least, r.Greatest)
}
