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
	// Name says in a table what is asked.
	Name string
	// Path is below the base, Body is JSON.
	Path, Body string
}

// Operation asks the query over and over.
func (q Query) Operation(c *Client) Operation {
	return func(ctx context.Context) error { return c.Ask(ctx, q) }
}

// Reads is the operation of reading one of the runs, at random.
func Reads(c *Client, ids []string) Operation {
	return func(ctx context.Context) error {
		return c.Read(ctx, ids[rand.IntN(len(ids))]) //nolint:gosec // any run will do
	}
}

// criteria are what the queries of Queries ask for. Runs are filled in groups
// (see GroupOf), so the one tag and the one flow run match a hundredth of them;
// half of the runs are RUNNING.
var criteria = []struct{ name, body string }{
	{"no criteria", ``},
	{"by state", `"task_runs":{"state":{"type":{"any_":["RUNNING"]}}}`},
	{"by tag", `"task_runs":{"tags":{"all_":["group-07"]}}`},
	{"by flow run", `"task_runs":{"flow_run_id":{"any_":["` + flowRunOfGroup(7) + `"]}}`},
}

// Groups is in how many groups runs are filled.
const Groups = 100

// GroupOf is the tag of the group that a run of this number belongs to.
func GroupOf(number int) string { return fmt.Sprintf("group-%02d", number%Groups) }

// FlowRunOf is the flow run that a run of this number belongs to.
func FlowRunOf(number int) string { return flowRunOfGroup(number % Groups) }

func flowRunOfGroup(group int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", group) }

// Queries are the reads that are measured: filter with a limit of 200 and count
// with each of the criteria, a sorted filter, and pages. Only servers without
// flow runs of their own can have runs of just any flow run.
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

// Served asks each query once. It returns those that are answered, and apart from
// them those whose route the server does not have; any other failure is an error.
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
