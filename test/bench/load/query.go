package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Query is a read of many runs at once.
type Query struct {
	// Name is the name of the query in a table.
	Name string
	// Path is relative to the base. Body is JSON.
	Path, Body string
}

// Operation returns an operation that sends the query.
func (q Query) Operation(c *Client) Operation {
	return func(ctx context.Context) error { return c.Ask(ctx, q) }
}

// Reads returns the operation that reads one of the runs, chosen at random.
func Reads(c *Client, ids []string) Operation {
	return func(ctx context.Context) error {
		return c.Read(ctx, ids[rand.IntN(len(ids))]) //nolint:gosec // any run will do
	}
}

// criteria are the criteria of Queries. Runs are created in groups (see GroupOf):
// one tag or one flow run matches a hundredth of them. Half of the runs are
// RUNNING.
var criteria = []struct{ name, body string }{
	{"no criteria", ``},
	{"by state", `"task_runs":{"state":{"type":{"any_":["RUNNING"]}}}`},
	{"by tag", `"task_runs":{"tags":{"all_":["group-07"]}}`},
	{"by flow run", `"task_runs":{"flow_run_id":{"any_":["` + flowRunOfGroup(7) + `"]}}`},
}

// Groups is the number of groups of runs.
const Groups = 100

// GroupOf returns the tag of the group of the run with this number.
func GroupOf(number int) string { return fmt.Sprintf("group-%02d", number%Groups) }

// FlowRunOf returns the flow run of the run with this number.
func FlowRunOf(number int) string { return flowRunOfGroup(number % Groups) }

func flowRunOfGroup(group int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", group) }

// Queries returns the measured reads: filter with a limit of 200 and count with
// each of the criteria, a sorted filter, and pages. Only servers without their
// own flow runs accept runs of unknown flow runs.
func Queries(flowRuns bool) []Query {
	var filters, counts []Query
	for _, c := range criteria {
		if !flowRuns && c.name == "by flow run" {
			continue
		}
		filters = append(filters, Query{"filter, " + c.name, "/task_runs/filter", object(c.body, `"limit":200`)})
		counts = append(counts, Query{"count, " + c.name, "/task_runs/count", object(c.body)})
	}
	filters = append(filters, Query{
		"filter, latest expected start first", "/task_runs/filter", `{"limit":200,"sort":"EXPECTED_START_TIME_DESC"}`,
	})
	page := Query{"paginate, 50 a page, page 5", "/task_runs/paginate", `{"limit":50,"page":5}`}
	return append(append(filters, counts...), page)
}

func object(members ...string) string {
	var set []string
	for _, member := range members {
		if member != "" {
			set = append(set, member)
		}
	}
	return "{" + strings.Join(set, ",") + "}"
}

// Served sends each query once. It returns the queries that the server supports
// and, separately, those without a route. Any other failure is an error.
func Served(ctx context.Context, c *Client, queries []Query) (served, missing []Query, err error) {
	for _, q := range queries {
		err := c.Ask(ctx, q)
		status, refused := errors.AsType[*StatusError](err)
		switch {
		case err == nil:
			served = append(served, q)
		case refused && (status.Status == http.StatusNotFound || status.Status == http.StatusMethodNotAllowed):
			missing = append(missing, q)
		default:
			return nil, nil, fmt.Errorf("%s: %w", q.Name, err)
		}
	}
	return served, missing, nil
}
