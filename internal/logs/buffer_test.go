package logs_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var start = time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)

func newBuffer(budget *bytebudget.Budget) *logs.Buffer {
	n := 0
	return logs.NewBuffer(testingclock.NewFakePassiveClock(start), func() string { n++; return strconv.Itoa(n) }, budget)
}

func query(t *testing.T, b *logs.Buffer, q logs.Query) []*logs.Line {
	t.Helper()
	lines, err := b.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func numbers(lines []*logs.Line) string {
	var ids []string
	for _, line := range lines {
		ids = append(ids, line.ID)
	}
	return strings.Join(ids, " ")
}

func TestBuffer_filtersAndSorts(t *testing.T) {
	t.Parallel()
	book := newBuffer(bytebudget.New(1 << 20))
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	book.Add([]logs.Line{
		{Name: "prefect.a", Level: 20, Message: "connection timeout", Timestamp: at(3), TaskRunID: "t1"},
		{Name: "prefect.b", Level: 40, Message: "Debug: timeout", Timestamp: at(1), TaskRunID: "t1", FlowRunID: "f1"},
		{Name: "prefect.b", Level: 10, Message: "all is well", Timestamp: at(1)},
		{Name: "nul\x00", Level: 30, Message: "a\x00b", Timestamp: at(2), FlowRunID: "f2"},
	})
	type filter = logs.Filter
	cases := map[string]struct {
		query logs.Query
		want  string
	}{
		"all, by time and then in order of arrival": {logs.Query{Limit: 9}, "2 3 4 1"},
		"descending":                        {logs.Query{Limit: 9, Descending: true}, "1 4 2 3"},
		"a page":                            {logs.Query{Limit: 2, Offset: 1}, "3 4"},
		"beyond the last page":              {logs.Query{Limit: 2, Offset: 9}, ""},
		"none":                              {logs.Query{}, ""},
		"levels, both ends inclusive":       {logs.Query{Limit: 9, Filter: filter{Level: &logs.LevelFilter{AtLeast: new(20), AtMost: new(30)}}}, "4 1"},
		"a level without criteria":          {logs.Query{Limit: 9, Filter: filter{Level: &logs.LevelFilter{}}}, "2 3 4 1"},
		"times":                             {logs.Query{Limit: 9, Filter: filter{Timestamp: &taskrun.TimeFilter{After: new(at(2))}}}, "4 1"},
		"lines of task runs":                {logs.Query{Limit: 9, Filter: filter{TaskRunID: &logs.RunFilter{Any: []string{"t1", "t2"}}}}, "2 1"},
		"lines without a task run":          {logs.Query{Limit: 9, Filter: filter{TaskRunID: &logs.RunFilter{IsNull: new(true)}}}, "3 4"},
		"lines with a task run":             {logs.Query{Limit: 9, Filter: filter{TaskRunID: &logs.RunFilter{IsNull: new(false)}}}, "2 1"},
		"lines of flow runs":                {logs.Query{Limit: 9, Filter: filter{FlowRunID: &taskrun.IDFilter{Any: []string{"f2"}}}}, "4"},
		"an empty list of task runs":        {logs.Query{Limit: 9, Filter: filter{FlowRunID: &taskrun.IDFilter{Any: []string{}}}}, ""},
		"both criteria must match":          {logs.Query{Limit: 9, Filter: filter{Level: &logs.LevelFilter{AtLeast: new(30)}, FlowRunID: &taskrun.IDFilter{Any: []string{"f1"}}}}, "2"},
		"one criterion must match":          {logs.Query{Limit: 9, Filter: filter{Or: true, Level: &logs.LevelFilter{AtLeast: new(40)}, FlowRunID: &taskrun.IDFilter{Any: []string{"f2"}}}}, "2 4"},
		"a word in any case":                {logs.Query{Limit: 9, Filter: filter{Text: &logs.TextFilter{AnyOf: []string{"TIMEOUT", "nothing"}}}}, "2 1"},
		"a word but not another":            {logs.Query{Limit: 9, Filter: filter{Text: &logs.TextFilter{AnyOf: []string{"timeout"}, NoneOf: []string{"debug"}}}}, "1"},
		"two words":                         {logs.Query{Limit: 9, Filter: filter{Text: &logs.TextFilter{AllOf: []string{"timeout", "debug"}}}}, "2"},
		"the name of the logger":            {logs.Query{Limit: 9, Filter: filter{Text: &logs.TextFilter{AnyOf: []string{"prefect.b"}}}}, "2 3"},
		"no words":                          {logs.Query{Limit: 9, Filter: filter{Text: &logs.TextFilter{}}}, "2 3 4 1"},
		"a text without its NUL characters": {logs.Query{Limit: 9, Filter: filter{Text: &logs.TextFilter{AllOf: []string{"ab nul"}}}}, "4"},
	}
	for name, tc := range cases {
		if got := numbers(query(t, book, tc.query)); got != tc.want {
			t.Errorf("%s: lines %q, want %q", name, got, tc.want)
		}
	}
}

func TestBuffers_shareTheirBudget(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	budget := bytebudget.New(limit)
	small, large := newBuffer(budget), newBuffer(budget)
	small.Add([]logs.Line{{Message: "kept"}})
	for range 20 {
		large.Add([]logs.Line{{Message: strings.Repeat("x", limit/10)}})
	}
	if got := numbers(query(t, small, logs.Query{Limit: 9})); got != "1" {
		t.Errorf("the lines kept of a small book are %q, want the one there was", got)
	}
	if got := numbers(query(t, large, logs.Query{Limit: 9})); got != "12 13 14 15 16 17 18 19 20" {
		t.Errorf("the lines kept of a large book are %q, want the latest nine", got)
	}
	large.Add([]logs.Line{{Message: strings.Repeat("x", limit+1)}})
	if !large.Empty() || small.Empty() {
		t.Error("a line larger than the budget is kept, or one of another book is not")
	}
	large.Add(make([]logs.Line, 100_000)) // lines without texts use memory too
	if n := len(query(t, large, logs.Query{Limit: 100_000})); n > limit/100 {
		t.Errorf("%d lines are kept in %d bytes", n, limit)
	}
	large.Close()
	small.Close()
	if n := budget.Bytes(); n != 0 {
		t.Errorf("%d bytes are counted of closed books", n)
	}
}

func TestQuery_endsWithItsContext(t *testing.T) {
	t.Parallel()
	book := newBuffer(bytebudget.New(1 << 20))
	book.Add(make([]logs.Line, 2000))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if lines, err := book.Query(ended, logs.Query{Limit: 9}); !errors.Is(err, context.Canceled) {
		t.Errorf("%d lines and error %v, want none", len(lines), err)
	}
}

func TestLinesOfDeletedFlowRunsAreRemoved(t *testing.T) {
	t.Parallel()
	budget := bytebudget.New(1 << 20)
	book := newBuffer(budget)
	book.Add([]logs.Line{{FlowRunID: "f1"}, {FlowRunID: "f2"}, {}, {FlowRunID: "f1"}})
	before := budget.Bytes()
	book.DeleteOfFlowRuns([]string{"f1", "f3"})
	if got := numbers(query(t, book, logs.Query{Limit: 9})); got != "2 3" {
		t.Errorf("the lines %q are left, want those of no deleted flow run", got)
	}
	if after := budget.Bytes(); after >= before {
		t.Errorf("%d bytes are counted of fewer lines, %d were before", after, before)
	}
	book.Add([]logs.Line{{}})
	if got := numbers(query(t, book, logs.Query{Limit: 9})); got != "2 3 5" {
		t.Errorf("after another line: %q", got)
	}
	book.DeleteOfFlowRuns([]string{"f2", ""})
	if !book.Empty() || budget.Bytes() != 0 {
		t.Errorf("%d bytes are counted when all lines are removed", budget.Bytes())
	}
}
