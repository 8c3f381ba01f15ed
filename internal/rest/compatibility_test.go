package rest

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table of docs/compatibility.md")

// partial describes the routes that do less than Prefect's, with the differences.
var partial = map[string]string{
	"POST /task_runs/count":               "filters on deployments use only their ids, those on work pools and work queues match nothing, see below",
	"POST /task_runs/filter":              "filters on deployments use only their ids, those on work pools and work queues match nothing, see below",
	"POST /task_runs/paginate":            "as `POST /task_runs/filter`",
	"POST /task_runs/history":             "as `POST /task_runs/filter`",
	"POST /ui/task_runs/count":            "as `POST /task_runs/filter`",
	"POST /ui/task_runs/dashboard/counts": "as `POST /task_runs/filter`; work pools and work queues are not known, so filters on them match nothing",
	"POST /logs/":                         "lines are kept in the memory of the replica that took them, within `--rest-buffer-memory`, and written to the program's own log; this is no log store",
	"POST /logs/filter":                   "answers from that memory",
	"GET /admin/storage":                  "always null: no blocks are kept",
	"GET /observed-states":                "of the runs that are there",
	"GET /admin/settings":                 "the settings that the page of Prefect reads, and the limit of lists",
	"POST /ui/flows/count-deployments":    "always 0: no deployments are kept",
	"POST /deployments/paginate":          "empty: the operator keeps none",
	"POST /flow_runs/":                    "work pools, block documents and deployments are not kept: the first two are rejected, the id of a deployment is not checked",
	"POST /flow_runs/{id}/resume":         "404 in place of Prefect's 500 if there is no such run",
	"PATCH /flow_runs/{id}/labels":        "values that are no scalars are 422; Prefect stores them, and every later read is a 500",
	"POST /flow_runs/{id}/input":          "a key with other characters than letters, digits and dashes is 422; Prefect responds with 500",
	"GET /flow_runs/{id}/graph-v2":        "of several flow runs that one task run stands for, the newest is shown; artifacts are not kept; each edge is listed once",
	"GET /flow_runs/{id}/logs/download":   "from the memory of the replica, as `POST /logs/filter`",
}

// absent lists the routes of the contract (§1.3 to §1.7, §4.6, §C) that are not
// served.
var absent = [][2]string{
	{"GET /collections/views/aggregate-worker-metadata", "for workers of flows only"},
}

const (
	compatibilityPage = "../../docs/compatibility.md"
	tableBegin        = "<!-- routes: go test ./internal/rest -run TestTheCompatibilityTable -update -->\n"
	tableEnd          = "<!-- end of routes -->\n"
)

// The table in the docs has the routes of the routes table, with a note for each.
func TestTheCompatibilityTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(compatibilityPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(page), tableBegin)
	_, tail, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		t.Fatal("the marks of the table are missing")
	}
	want := head + tableBegin + compatibilityTable(t) + tableEnd + tail
	if *update {
		if err := os.WriteFile(compatibilityPage, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(page) {
		t.Error("the table is stale: go test ./internal/rest -run TestTheCompatibilityTable -update")
	}
}

func compatibilityTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n| route | served | |\n|---|---|---|\n")
	served := map[string]bool{}
	for _, r := range table() {
		key := r.method + " " + r.path
		if r.serve != nil {
			key = "WS " + r.path
		}
		served[key] = true
		remark, isPartial := partial[key]
		if listsNothing(r.path) {
			remark, isPartial = "empty: the operator keeps none", true
		}
		state := "full"
		if isPartial {
			state = "partial"
		}
		b.WriteString("| `" + key + "` | " + state + " | " + remark + " |\n")
	}
	for key := range partial {
		if !served[key] {
			t.Errorf("%s is said to be partial and is not served at all", key)
		}
	}
	for _, line := range absent {
		if served[line[0]] {
			t.Errorf("%s is said to be absent and is served", line[0])
		}
		b.WriteString("| `" + line[0] + "` | absent | " + line[1] + " |\n")
	}
	return b.String() + "\n"
}
