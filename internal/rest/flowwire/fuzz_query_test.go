package flowwire

import (
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// FuzzDecodeQueries tries all decoders of queries on each body: the response to an error
// is JSON, and a query is within the bounds that the use cases rely on.
func FuzzDecodeQueries(f *testing.F) {
	for _, seed := range []string{
		"null", "[]", `{"limit":-1}`, `{"sort":"START_TIME_ASC","offset":1e3,"flow_runs":{"operator":"or_","state":{"type":{"any_":["RUNNING"],"not_any_":[]}}}}`,
		`{"page":1e18,"limit":2,"flows":{"tags":{"any_":[]}},"task_runs":{"name":{"like_":"%_a"}},"work_pool_queues":{"name":{"startswith_":["x"]}}}`,
		`{"history_start":0,"history_end":"2031-01-01","history_interval_seconds":"1.5","work_queues":{},"deployments":{"concurrency_limit":{"ge_":1}}}`,
		`{"flow_runs":{"created_by":{"id_":["{x}"]},"parent_flow_run_id":{"operator":null}},"state":{"type":"PAUSED"},"force":"on","limit":"50"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, fault := pyjson.Parse([]byte(text))
		if fault != nil {
			return
		}
		for _, decode := range decoders {
			checkDecoded(t, decode(body, nil))
		}
		runs, page, err := DecodeRunPaginate(body)
		if err == nil && (page < 1 || runs.Offset < 0 || runs.Limit < 0 || runs.Limit > 200) {
			t.Fatalf("page %d, limit %d, offset %d", page, runs.Limit, runs.Offset)
		}
		if q, err := DecodeRunBulkDelete(body); err == nil && (q.Limit < 1 || q.Limit > maxBulk) {
			t.Fatalf("limit %d of runs to delete", q.Limit)
		}
	})
}
