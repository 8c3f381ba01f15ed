package wire

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// fuzzBodies runs a decoder on bodies like the seeds.
func fuzzBodies(f *testing.F, try func(t *testing.T, body pyjson.Value), seeds ...string) {
	f.Helper()
	for _, seed := range append(seeds, "null", "[]", `"x"`, "{}") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if body, fault := pyjson.Parse([]byte(text)); fault == nil {
			try(t, body)
		}
	})
}

// someRun is the run that filters are applied to.
func someRun() *taskrun.Run {
	run := &taskrun.Run{ID: idKnown, Name: "calm-otter", FlowRunID: idFlowRun, Tags: []string{"a"}}
	run.StartTime, run.ExpectedStartTime = &noon, &noon
	run.Labels = map[string]json.RawMessage{"prefect.flow.id": []byte(`"` + idOther + `"`)}
	return run
}

// checkFilter checks that the compiled filter and the columns of the index return
// the same result.
func checkFilter(t *testing.T, f taskrun.Filter) {
	t.Helper()
	run := someRun()
	passes := f.Matcher()(run)
	runs := index.New(nil, nil).Namespace("default")
	runs.PutRun(&metav1.ObjectMeta{Name: "x", UID: "u"}, run)
	n, err := runs.Count(t.Context(), f)
	if err != nil || (n == 1) != passes {
		t.Fatalf("the run passes: %v, the index counts %d, error %v: %+v", passes, n, err, f)
	}
}

func FuzzDecodePaginate(f *testing.F) {
	fuzzBodies(f, func(t *testing.T, body pyjson.Value) {
		t.Helper()
		q, _, page, err := DecodePaginate(body)
		checkDecoded(t, err, nil)
		if err != nil {
			return
		}
		if page < 1 || q.Offset < 0 || q.Limit < 0 || q.Limit > maxLimit {
			t.Fatalf("page %d, limit %d, offset %d", page, q.Limit, q.Offset)
		}
		checkFilter(t, q.Filter)
	}, `{"page":2,"limit":3,"sort":"DURATION_ASC","flows":{"id":{"not_any_":[]}}}`, `{"page":1e18,"task_runs":{"name":{"like_":"%_a"}}}`)
}

func FuzzDecodeHistory(f *testing.F) {
	service := usecase.New(usecase.Options{Store: memory.New(), Clock: testingclock.NewFakePassiveClock(noon)})
	fuzzBodies(f, func(t *testing.T, body pyjson.Value) {
		t.Helper()
		q, _, err := DecodeHistory(body)
		checkDecoded(t, err, nil)
		if err != nil {
			return
		}
		bins, err := service.History(t.Context(), q)
		if err != nil || len(bins) > taskrun.MaxHistoryBins || !json.Valid(historyText(bins)) {
			t.Fatalf("%d bins, error %v", len(bins), err)
		}
		for i := range bins {
			if bins[i].End.Year() > 9999 || (i > 0 && !bins[i].Start.Equal(bins[i-1].End)) {
				t.Fatalf("bin %d is from %v to %v", i, bins[i].Start, bins[i].End)
			}
		}
	},
		`{"history_start":0,"history_end":"2030-01-01","history_interval_seconds":1.5}`,
		`{"history_start":"0001-01-01","history_end":"9999-12-31T23:59:59Z","history_interval_seconds":1e300,"deployments":{}}`,
	)
}

func FuzzDecodeDashboard(f *testing.F) {
	service := usecase.New(usecase.Options{Store: memory.New(), Clock: testingclock.NewFakePassiveClock(noon)})
	fuzzBodies(f, func(t *testing.T, body pyjson.Value) {
		t.Helper()
		filter, _, err := DecodeDashboard(body)
		checkDecoded(t, err, nil)
		if err != nil {
			return
		}
		if _, err := service.Dashboard(t.Context(), filter); err != nil {
			t.Fatal(err)
		}
		checkFilter(t, filter)
	}, `{"task_runs":{"operator":"or_","start_time":{"after_":0,"before_":-1}},"work_pools":{"type":{"any_":["x"]}}}`)
}

func FuzzDecodeSmallReads(f *testing.F) {
	fuzzBodies(f, func(t *testing.T, body pyjson.Value) {
		t.Helper()
		_, err := DecodeFlowRunIDs(body)
		checkDecoded(t, err, nil)
		_, err = DecodeTaskWorkers(body)
		checkDecoded(t, err, nil)
	}, `{"flow_run_ids":["{0198A1B2-0000-7000-8000-00000000000A}"],"task_worker_filter":{"task_keys":["x"]}}`)
}

func FuzzDecodeLogs(f *testing.F) {
	fuzzBodies(f, func(t *testing.T, body pyjson.Value) {
		t.Helper()
		lines, err := DecodeLogs(body)
		checkDecoded(t, err, nil)
		for i := range lines {
			if err == nil && !json.Valid(AppendLog(nil, &lines[i])) {
				t.Fatalf("line %+v is no JSON", lines[i])
			}
		}
		q, err := DecodeLogFilter(body)
		checkDecoded(t, err, nil)
		if len(lines) > 0 {
			q.Filter.Matcher()(&lines[0])
		}
	},
		`[{"name":"n","level":20,"message":"m\u0000","timestamp":0,"flow_run_id":null}]`,
		`{"logs":{"text":{"query":"+a -\"b c\\\"\" !d"},"level":{"ge_":1e3}},"sort":"TIMESTAMP_DESC"}`,
	)
}

func historyText(bins []taskrun.HistoryBin) []byte {
	b := []byte{'['}
	for i, bin := range bins {
		b = AppendHistoryBin(AppendComma(b, i), bin)
	}
	return append(b, ']')
}
