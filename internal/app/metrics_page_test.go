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

// libraryRow is a line of the table of what the libraries count.
var libraryRow = regexp.MustCompile("(?m)^\\| `((?:controller_runtime|workqueue|rest_client|leader_election|go|process)_\\w+)` \\| (\\w+) \\| ([^|]+) \\|")

// TestThePageTellsRightWhatTheLibrariesCount holds the table against a program
// that runs: alerts and the dashboard are held against the table.
func TestThePageTellsRightWhatTheLibrariesCount(t *testing.T) {
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

// scrape returns the metrics of a program; none while it cannot be reached.
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

// lacking are the rows whose metric is not there, or is of another kind, or has
// other labels.
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
