package kubectl

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"
)

// textWriter writes all output that is meant for a terminal. Line breaks and tabs
// come from the formats of the plugin alone: a value cannot add a line, move the
// cursor or reverse the text, because the writer escapes it. It is safe for
// concurrent use. JSON and YAML are written to raw, by their encoders.
type textWriter struct {
	mu  sync.Mutex
	raw io.Writer
}

// printf writes the format with its arguments escaped.
func (t *textWriter) printf(format string, arguments ...any) {
	safe := make([]any, len(arguments))
	for i, argument := range arguments {
		safe[i] = printableValue(argument)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintf(t.raw, format, safe...)
}

// aligned aligns the tab-separated columns of what write writes.
func (t *textWriter) aligned(write func(columns *textWriter)) error {
	w := printers.GetNewTabWriter(t.raw)
	write(&textWriter{raw: w})
	return w.Flush()
}

// field writes the name of a field and its value, if it has one.
func (t *textWriter) field(name, value string) {
	if value != "" {
		t.printf("%s:\t%s\n", name, value)
	}
}

// table writes the table with its cells escaped.
func (t *textWriter) table(shown *metav1.Table, options printers.PrintOptions) error {
	for _, row := range shown.Rows {
		for i, cell := range row.Cells {
			row.Cells[i] = printableValue(cell)
		}
	}
	return printers.NewTablePrinter(options).PrintObj(shown, t.raw)
}

// printableValue returns numbers unchanged, and other values as escaped text.
func printableValue(value any) any {
	switch v := value.(type) {
	case int, int32, int64, bool:
		return v
	default:
		return printable(fmt.Sprint(v))
	}
}

// printable returns the text with each character that is not printable as Go
// escapes it, such as \n, \x1b or \u202e: control characters (C0, DEL, C1), those
// that change the direction of text or are invisible, line separators, and
// invalid UTF-8. A backslash is printable and is not escaped.
func printable(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, notPrintable) < 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case notPrintable(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

func notPrintable(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }

// warnings writes the warnings of the API server, each once.
type warnings struct {
	to   *textWriter
	seen sync.Map
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(code int, _, text string) {
	const miscellaneous = 299 // the only code that Kubernetes uses
	if code != miscellaneous || text == "" {
		return
	}
	if _, repeated := w.seen.LoadOrStore(text, true); !repeated {
		w.to.printf("Warning: %s\n", text)
	}
}
