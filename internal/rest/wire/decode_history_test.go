package wire

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDecodeHistory_readsParameters(t *testing.T) {
	t.Parallel()
	const second = taskrun.MinHistoryInterval
	for interval, want := range map[string]taskrun.Microseconds{
		"1":           second,
		"true":        second,
		`"43200.5"`:   43200*second + second/2,
		"0.9999999":   second,     // rounds up
		"1.0000005":   second + 1, // the binary value is slightly larger
		"1.0000015":   second + 1, // the binary value is slightly smaller
		"999999999":   999999999 * second,
		"1e10":        1e10 * second,
		"1e300":       longestInterval * second,
		"Infinity":    longestInterval * second,
		"10000000000": 1e10 * second,
	} {
		q, _, err := DecodeHistory(bodyOf(t, `{"history_start":"2026-08-21T12:00:00Z","history_end":1787313600,"history_interval_seconds":`+interval+`}`))
		if diff := cmp.Diff(taskrun.HistoryQuery{Window: taskrun.Window{Start: noon, End: noon, Interval: want}}, q); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", interval, err, diff)
		}
	}
	for _, interval := range []string{"0.9999994", "0", "-1", "-1e300", "NaN", "-Infinity", "false"} {
		_, _, err := DecodeHistory(bodyOf(t, `{"history_start":0,"history_end":1,"history_interval_seconds":`+interval+`}`))
		if detailOf(err) != textInterval {
			t.Errorf("%s: %v, want %q", interval, err, textInterval)
		}
	}
}

func TestDecodeHistory_errors(t *testing.T) {
	t.Parallel()
	const three = `missing["body","history_start"] missing["body","history_end"] missing["body","history_interval_seconds"]`
	for body, want := range map[string]string{
		"null": three,
		`{"history_start":null,"history_end":null,"history_interval_seconds":null,"zz":1}`: three,
		"1": three + ` missing["body","flows"] missing["body","flow_runs"] missing["body","task_runs"] missing["body","deployments"]`,
		`{"history_start":"x","history_end":true,"history_interval_seconds":"x","task_runs":1}`: `value_error["body","history_start"] ` +
			`value_error["body","history_end"] float_parsing["body","history_interval_seconds"] model_attributes_type["body","task_runs"]`,
	} {
		_, _, err := DecodeHistory(bodyOf(t, body))
		if got := faultsOf(t, err); got != want || detailOf(err) != "" {
			t.Errorf("%s: faults %s, detail %q, want %s", body, got, detailOf(err), want)
		}
	}
}

func TestDecodePaginate_readsPages(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct{ limit, offset, page int }{
		"null":                                       {200, 0, 1},
		`{"page":1,"limit":3}`:                       {3, 0, 1},
		`{"page":4,"limit":3,"offset":7}`:            {3, 9, 4},
		`{"page":4,"limit":0}`:                       {0, 0, 4},
		`{"page":99999999999999999999,"limit":2}`:    {2, math.MaxInt, math.MaxInt},
		`{"page":" 2 ","limit":null,"sort":null}`:    {200, 200, 2},
		`{"page":9223372036854775807,"limit":"200"}`: {200, math.MaxInt, math.MaxInt},
	} {
		q, _, page, err := DecodePaginate(bodyOf(t, body))
		if err != nil || q.Limit != want.limit || q.Offset != want.offset || page != want.page || !q.Counted {
			t.Errorf("%s: %v, page %d of %+v, want %+v", body, err, page, q, want)
		}
	}
	_, _, _, err := DecodePaginate(bodyOf(t, "[]"))
	const want = `missing["body","limit"] missing["body","sort"] missing["body","page"] ` +
		`missing["body","flows"] missing["body","flow_runs"] missing["body","task_runs"] missing["body","deployments"]`
	if got := faultsOf(t, err); got != want {
		t.Errorf("faults %s, want %s", got, want)
	}
}

func TestProduct_isLimitedToTheLargestInt(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]int{{0, 0, 0}, {5, 0, 0}, {0, 5, 0}, {3, 4, 12}, {math.MaxInt, 1, math.MaxInt}, {math.MaxInt/2 + 1, 2, math.MaxInt}} {
		if got := product(tc[0], tc[1]); got != tc[2] {
			t.Errorf("product(%d, %d) = %d, want %d", tc[0], tc[1], got, tc[2])
		}
	}
}

func TestPagesOf(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]int{{0, 200, 0}, {1, 200, 1}, {200, 200, 1}, {201, 200, 2}, {7, 0, 0}} {
		if got := pagesOf(tc[0], tc[1]); got != tc[2] {
			t.Errorf("pagesOf(%d, %d) = %d, want %d", tc[0], tc[1], got, tc[2])
		}
	}
}
