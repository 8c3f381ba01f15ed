package monitoring

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type dashboard struct {
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name, Type, Definition string
			Datasource             *source
		}
	}
	Panels []panel
}

type source struct{ Type, UID string }

type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource *source
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct {
		RefID        string
		Expr         string
		LegendFormat string
		Datasource   *source
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "config/components/prometheus/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 || d.SchemaVersion < 36 {
		t.Fatalf("%d panels of schema %d", len(d.Panels), d.SchemaVersion)
	}
	return d
}

var (
	// Variables, as Grafana replaces them before Prometheus gets an expression.
	variables = strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*", "$pod", ".*")
	legend    = regexp.MustCompile(`\{\{(.*?)\}\}`)
	choice    = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
)

func TestPanels_showExistingMetricsAndLabels(t *testing.T) {
	t.Parallel()
	metrics, seen := readCatalogue(t), map[int]bool{}
	for _, p := range readDashboard(t).Panels {
		if seen[p.ID] || p.ID == 0 {
			t.Errorf("%s: the id %d is another panel's too", p.Title, p.ID)
		}
		seen[p.ID] = true
		if p.Type == "row" {
			continue
		}
		checkSource(t, p.Title, p.Datasource)
		if len(p.Targets) == 0 {
			t.Errorf("%s: nothing to show", p.Title)
		}
		for _, target := range p.Targets {
			checkSource(t, p.Title, target.Datasource)
			expr := variables.Replace(target.Expr)
			labels, faults := metrics.check(expr)
			if strings.Contains(expr, "$") {
				faults = append(faults, "a variable that is not defined: "+expr)
			}
			for _, found := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(labels, found[1]) {
					faults = append(faults, "the legend has a label that the result has not: "+found[1])
				}
			}
			for _, fault := range faults {
				t.Errorf("%s, %s: %s", p.Title, target.RefID, fault)
			}
		}
	}
}

func checkSource(t *testing.T, title string, s *source) {
	t.Helper()
	if s == nil || s.Type != "prometheus" || s.UID != "${datasource}" {
		t.Errorf("%s: data source %v, want the variable", title, s)
	}
}

func TestDashboard_variablesExist(t *testing.T) {
	t.Parallel()
	metrics, names := readCatalogue(t), []string{}
	for _, v := range readDashboard(t).Templating.List {
		names = append(names, v.Name)
		if v.Type != "query" {
			continue
		}
		checkSource(t, v.Name, v.Datasource)
		parts := choice.FindStringSubmatch(v.Definition)
		if parts == nil {
			t.Errorf("%s: %q, want the values of a label", v.Name, v.Definition)
			continue
		}
		labels, faults := metrics.check(variables.Replace(parts[1]))
		if len(faults) > 0 || !slices.Contains(labels, parts[2]) {
			t.Errorf("%s: %q, label %s of %q", v.Name, faults, parts[2], labels)
		}
	}
	if !slices.Equal(names, []string{"datasource", "namespace", "pod"}) {
		t.Errorf("variables %q", names)
	}
}

func TestPanels_doNotOverlap(t *testing.T) {
	t.Parallel()
	taken := map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		if p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: out of the grid", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
