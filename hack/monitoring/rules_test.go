package monitoring

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"sigs.k8s.io/yaml"
)

const runbooks = "docs/runbooks/"

type rule struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

// readRules returns the alerts. It fails the test if the file has anything else.
func readRules(t *testing.T) []rule {
	t.Helper()
	var object struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       struct {
			Groups []struct {
				Name  string
				Rules []rule
			}
		}
	}
	if err := yaml.UnmarshalStrict([]byte(read(t, "config/components/prometheus/prometheusrule.yaml")), &object); err != nil {
		t.Fatal(err)
	}
	if object.APIVersion != "monitoring.coreos.com/v1" || object.Kind != "PrometheusRule" {
		t.Errorf("%s %s, want a PrometheusRule", object.APIVersion, object.Kind)
	}
	var all []rule
	groups, alerts := map[string]bool{}, map[string]bool{}
	for _, group := range object.Spec.Groups {
		if groups[group.Name] {
			t.Errorf("two groups %q", group.Name)
		}
		groups[group.Name] = true
		for _, r := range group.Rules {
			if alerts[r.Alert] {
				t.Errorf("two alerts %q", r.Alert)
			}
			alerts[r.Alert] = true
		}
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

func TestAlerts_useExistingMetricsAndLabels(t *testing.T) {
	t.Parallel()
	metrics := readCatalogue(t)
	for _, r := range readRules(t) {
		t.Run(r.Alert, func(t *testing.T) {
			t.Parallel()
			labels, faults := metrics.check(r.Expr)
			for _, fault := range faults {
				t.Error(fault)
			}
			if r.For != "" {
				if _, err := model.ParseDuration(r.For); err != nil {
					t.Error(err)
				}
			}
			if severity := r.Labels["severity"]; severity != "critical" && severity != "warning" {
				t.Errorf("severity %q", severity)
			}
			for _, key := range []string{"summary", "description"} {
				if r.Annotations[key] == "" {
					t.Errorf("no %s", key)
				}
				checkTemplate(t, r.Annotations[key], labels)
			}
			checkRunbook(t, r.Annotations["runbook"])
		})
	}
}

var (
	action   = regexp.MustCompile(`\{\{(.*?)\}\}`)
	label    = regexp.MustCompile(`^ \$labels\.(\w+) $`)
	anyValue = regexp.MustCompile(`^ \$value( \| humanize(Duration|Percentage)?)? $`)
)

// checkTemplate fails the test if a text shows a label that its alert does not
// have.
func checkTemplate(t *testing.T, text string, labels []string) {
	t.Helper()
	for _, found := range action.FindAllStringSubmatch(text, -1) {
		name := label.FindStringSubmatch(found[1])
		if name == nil && !anyValue.MatchString(found[1]) {
			t.Errorf("%q is neither a label nor the value", found[0])
		}
		if name != nil && !slices.Contains(labels, name[1]) {
			t.Errorf("%q: the alert has only the labels %q", found[0], labels)
		}
	}
}

// checkRunbook fails the test if a page or the heading on it does not exist.
func checkRunbook(t *testing.T, address string) {
	t.Helper()
	page, anchor, ok := strings.Cut(address, "#")
	if !ok || path.Dir(page)+"/" != runbooks {
		t.Fatalf("runbook %q, want %spage.md#heading", address, runbooks)
	}
	if !slices.Contains(anchors(read(t, page)), anchor) {
		t.Errorf("%s has no heading for #%s", page, anchor)
	}
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns the anchors of a page's headings, as Markdown viewers create
// them.
func anchors(page string) (all []string) {
	for _, found := range heading.FindAllStringSubmatch(page, -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-"))
	}
	return all
}

var link = regexp.MustCompile(`\]\(([\w./-]+\.md)?(#[\w-]+)?\)`)

// TestRunbooks_areReferenced also fails for headings that no alert names: each
// second-level heading belongs to an alert or is in the index.
func TestRunbooks_areReferenced(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for _, r := range readRules(t) {
		named[strings.TrimPrefix(r.Annotations["runbook"], runbooks)] = true
	}
	index := read(t, runbooks+"README.md")
	linked := map[string]bool{}
	for _, found := range link.FindAllStringSubmatch(index, -1) {
		linked[found[1]+found[2]] = true
	}
	for address := range named {
		if !linked[address] {
			t.Errorf("the index lacks %s", address)
		}
	}
	pages, err := fs.Glob(os.DirFS(root+runbooks), "*.md")
	if err != nil || len(pages) < 2 {
		t.Fatalf("%d pages, error %v", len(pages), err)
	}
	for _, page := range pages {
		text := read(t, runbooks+page)
		for _, found := range regexp.MustCompile(`(?m)^## .+$`).FindAllString(text, -1) {
			if address := page + "#" + anchors(found)[0]; page != "README.md" && !linked[address] {
				t.Errorf("neither an alert nor the index names %s", address)
			}
		}
		checkLinks(t, page, text)
	}
}

// checkLinks fails the test if a link of a page leads to a page or heading that
// does not exist.
func checkLinks(t *testing.T, page, text string) {
	t.Helper()
	for _, found := range link.FindAllStringSubmatch(text, -1) {
		target := runbooks + page
		if found[1] != "" {
			target = path.Join(runbooks, found[1])
		}
		linked := read(t, target)
		if found[2] != "" && !slices.Contains(anchors(linked), found[2][1:]) {
			t.Errorf("%s: %s has no heading for %s", page, target, found[2])
		}
	}
}
