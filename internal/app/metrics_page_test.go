//go:build apiserver

package app

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// libraryRow is a row of the table of the libraries' metrics.
var libraryRow = regexp.MustCompile("(?m)^\\| `((?:controller_runtime|workqueue|rest_client|leader_election|go|process)_\\w+)` \\| (\\w+) \\| ([^|]+) \\|")

// TestMetricsPage_matchesTheLibraries compares the table with a running
// program. Other tests compare alerts and the dashboard with the table.
func TestMetricsPage_matchesTheLibraries(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := libraryRow.FindAllStringSubmatch(string(page), -1)
	if len(rows) == 0 {
		t.Fatal("the page has no such table")
	}
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	address := freeAddress(t)
	start(t, env.Config, namespace, func(o *Options) {
		o.Manager.MetricsAddress, o.Manager.LeaderElect = address, true
	})
	newCluster(t, env.Config, namespace).apply(t, "one", v1alpha1.TaskRunSpec{})
	late := time.After(patience)
	for {
		missing := lacking(rows, scrape(t, address))
		if len(missing) == 0 {
			return
		}
		select {
		case <-late:
			t.Fatalf("the program does not show:\n%s", strings.Join(missing, "\n"))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// scrape returns the metrics of a program, or none if it is unreachable.
func scrape(t *testing.T, address string) map[string]*dto.MetricFamily {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// lacking returns the rows whose metric is missing or has another type or other
// labels.
func lacking(rows [][]string, families map[string]*dto.MetricFamily) []string {
	var missing []string
	for _, row := range rows {
		family := families[row[1]]
		if family == nil || !strings.EqualFold(family.GetType().String(), row[2]) {
			missing = append(missing, row[0])
			continue
		}
		var want, got []string
		for label := range strings.SplitSeq(strings.NewReplacer("`", "", " ", "", "–", "").Replace(row[3]), ",") {
			if label != "" {
				want = append(want, label)
			}
		}
		for _, pair := range family.GetMetric()[0].GetLabel() {
			got = append(got, pair.GetName())
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			missing = append(missing, row[0]+" has the labels "+strings.Join(got, ", "))
		}
	}
	return missing
}
