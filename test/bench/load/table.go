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

// NewTable begins a table with the heads of its columns.
func NewTable(heads ...string) *Table {
	t := &Table{width: len(heads)}
	t.Row(heads...)
	t.text.WriteString(strings.Repeat("|---", t.width) + "|\n")
	return t
}

// Row adds a row. Cells that are missing are empty, those too many are dropped.
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

// String is the table as Markdown, with an empty line after it.
func (t *Table) String() string { return t.text.String() + "\n" }

// Millis writes a time in milliseconds: two digits after the point below ten,
// one from there on.
func Millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.2f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// Rate writes operations per second: one digit after the point below ten.
func Rate(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return fmt.Sprintf("%.0f", perSecond)
}

// Bytes writes a size in KiB or MiB.
func Bytes(n float64) string {
	if n < 1<<20 && n > -1<<20 {
		return fmt.Sprintf("%.1f KiB", n/(1<<10))
	}
	return fmt.Sprintf("%.0f MiB", n/(1<<20))
}

// String writes the median, and the least and greatest in parentheses.
func (r Ratio) String() string {
	form := "%.2f (%.2f to %.2f)"
	if r.Median >= 10 {
		form = "%.0f (%.0f to %.0f)"
	}
	return fmt.Sprintf(form, r.Median, r.Least, r.Greatest)
}
