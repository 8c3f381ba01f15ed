package monitoring

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// root is the path of the repository.
const root = "../../"

// metric is a row of docs/metrics.md. Tests of internal/telemetry and of
// internal/app compare that page with the program.
type metric struct {
	kind   string
	labels []string
}

// catalogue returns all metrics by name.
type catalogue map[string]metric

var (
	row = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (counter|gauge|histogram) \\| ([^|]+) \\|")
	// onTarget lists the labels that the scraper adds.
	onTarget = []string{"namespace", "pod", "container", "job", "service", "endpoint", "instance"}
)

func readCatalogue(t *testing.T) catalogue {
	t.Helper()
	all := catalogue{}
	for _, found := range row.FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		m := metric{kind: found[2], labels: slices.Clone(onTarget)}
		for label := range strings.SplitSeq(strings.NewReplacer("`", "", " ", "", "–", "").Replace(found[3]), ",") {
			m.labels = append(m.labels, label)
		}
		all[found[1]] = m
	}
	if len(all) < 30 {
		t.Fatalf("docs/metrics.md has only %d metrics", len(all))
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// find returns the metric of a series. A histogram has three series.
func (c catalogue) find(series string) (metric, bool) {
	if m, ok := c[series]; ok && m.kind != "histogram" {
		return m, true
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(series, suffix); ok && c[base].kind == "histogram" {
			m := c[base]
			m.kind = "counter"
			if suffix == "_bucket" {
				m.labels = append(slices.Clone(m.labels), "le")
			}
			return m, true
		}
	}
	return metric{}, false
}

// check returns the errors in an expression, and the labels that its result can
// have.
func (c catalogue) check(text string) (result []string, faults []string) {
	expr, err := parser.ParseExpr(text)
	if err != nil {
		return nil, []string{err.Error()}
	}
	known := map[string]bool{}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		m, ok := c.find(selector.Name)
		if !ok {
			faults = append(faults, fmt.Sprintf("there is no metric %q", selector.Name))
			return nil
		}
		for _, label := range m.labels {
			known[label] = true
		}
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name != model.MetricNameLabel && !slices.Contains(m.labels, matcher.Name) {
				faults = append(faults, fmt.Sprintf("%s has no label %q", selector.Name, matcher.Name))
			}
		}
		over := false
		if len(path) > 0 {
			_, over = path[len(path)-1].(*parser.MatrixSelector)
		}
		if over != (m.kind == "counter") {
			faults = append(faults, fmt.Sprintf("%s is a %s: of counters, and of them alone, the rate is of use", selector.Name, m.kind))
		}
		return nil
	})
	return grouping(expr, known), append(faults, unknownGroups(expr, known)...)
}

// grouping returns the labels of the result: those of the outermost
// aggregation, or all if there is none.
func grouping(expr parser.Expr, known map[string]bool) []string {
	switch e := expr.(type) {
	case *parser.AggregateExpr:
		if e.Op != parser.TOPK {
			return e.Grouping
		}
		return grouping(e.Expr, known)
	case *parser.BinaryExpr:
		return grouping(e.LHS, known)
	case *parser.ParenExpr:
		return grouping(e.Expr, known)
	case *parser.Call: // of a rate, of a histogram
		if len(e.Args) > 0 {
			return grouping(e.Args[len(e.Args)-1], known)
		}
	}
	return slices.Collect(maps.Keys(known))
}

// unknownGroups reports labels in groupings and matchings that no metric of the
// expression has.
func unknownGroups(expr parser.Expr, known map[string]bool) (faults []string) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		var used []string
		switch n := node.(type) {
		case *parser.AggregateExpr:
			used = n.Grouping
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				used = n.VectorMatching.MatchingLabels
			}
		}
		for _, label := range used {
			if !known[label] {
				faults = append(faults, fmt.Sprintf("no metric here has the label %q", label))
			}
		}
		return nil
	})
	return faults
}

func TestTheCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	all := readCatalogue(t)
	for text, want := range map[string]string{
		`sum(rate(taskrun_transitions_total[5m]))`:                                          "",
		`histogram_quantile(0.9, sum by (le) (rate(taskrun_event_lag_seconds_bucket[5m])))`: "",
		`sum(rate(taskrun_transition_total[5m]))`:                                           "no metric",
		`rate(taskrun_event_lag_seconds[5m])`:                                               "no metric",
		`rate(taskrun_transitions_total{state="x"}[5m])`:                                    "no label",
		`sum by (le) (rate(taskrun_transitions_total[5m]))`:                                 "has the label",
		`taskrun_transitions_total`:                                                         "is a counter",
		`rate(taskrun_queue_depth[5m])`:                                                     "is a gauge",
		`sum(taskrun_queue_depth`:                                                           "parse error",
	} {
		_, faults := all.check(text)
		if got := strings.Join(faults, "; "); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
