package kubectl

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"
)

// none is shown for an empty value, as in kubectl.
const none = "<none>"

// Values of -o.
const (
	formatWide = "wide"
	formatJSON = "json"
	formatYAML = "yaml"
	formatName = "name"
)

// output is an output format: a table, wide or not, or data.
type output struct {
	format    string
	formats   []string // allowed values
	flags     *genericclioptions.PrintFlags
	noHeaders bool
}

func (o *output) bind(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.format, "output", "o", "", "one of: "+strings.Join(o.formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return o.formats, cobra.ShellCompDirectiveNoFileComp
	})
}

// objectOutput returns the output of objects, in all formats of kubectl without a flag.
func objectOutput(cmd *cobra.Command, formats ...string) *output {
	flags := genericclioptions.NewPrintFlags("").WithTypeSetter(scheme())
	o := &output{formats: append(formats, formatJSON, formatYAML, formatName), flags: flags}
	o.bind(cmd)
	flags.JSONYamlPrintFlags.AddFlags(cmd)
	return o
}

// dataOutput returns the output of other data.
func dataOutput(cmd *cobra.Command) *output {
	o := &output{formats: []string{formatWide, formatJSON, formatYAML}}
	o.bind(cmd)
	return o
}

// check rejects an unknown format.
func (o *output) check() error {
	if o.format != "" && !slices.Contains(o.formats, o.format) {
		return fmt.Errorf("-o %s: must be one of %s", o.format, strings.Join(o.formats, ", "))
	}
	return nil
}

// isTable reports whether the output is a table or text.
func (o *output) isTable() bool { return o.format == "" || o.format == formatWide }

func (o *output) object(w *textWriter, object runtime.Object) error {
	o.flags.OutputFormat = &o.format
	printer, err := o.flags.ToPrinter()
	if err != nil {
		return err
	}
	return printer.PrintObj(object, w.raw)
}

func (o *output) data(w *textWriter, data any) error {
	text, err := json.MarshalIndent(data, "", "    ")
	if err == nil && o.format == formatYAML {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.raw, strings.TrimSuffix(string(text), "\n"))
	return err
}

// table is a table. Columns whose names begin with a plus sign are shown with -o wide.
type table struct {
	columns []string
	rows    [][]any
}

func (t *table) add(cells ...any) { t.rows = append(t.rows, cells) }

func (o *output) table(w *textWriter, t *table) error {
	shown := &metav1.Table{}
	for _, column := range t.columns {
		name, wide := strings.CutPrefix(column, "+")
		definition := metav1.TableColumnDefinition{Name: name, Type: "string"}
		if wide {
			definition.Priority = 1
		}
		shown.ColumnDefinitions = append(shown.ColumnDefinitions, definition)
	}
	for _, cells := range t.rows {
		shown.Rows = append(shown.Rows, metav1.TableRow{Cells: cells})
	}
	return w.table(shown, printers.PrintOptions{Wide: o.format == formatWide, NoHeaders: o.noHeaders})
}

// orNone returns the text, or <none> if it is empty.
func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

// ago returns the time since then, in the format of kubectl.
func ago(now, then time.Time) string { return duration.HumanDuration(max(now.Sub(then), 0)) }

// exact returns a duration to the millisecond, or to the second if it is long.
func exact(d time.Duration) string {
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// truncate returns the first line of a text, at most most characters of it.
func truncate(text string, most int) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	letters := []rune(line)
	switch {
	case len(letters) > most:
		return string(letters[:most-1]) + "…"
	case more:
		return line + " …"
	default:
		return line
	}
}
