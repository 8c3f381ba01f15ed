package taskrun

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

const (
	oneID   = "0198a1b2-0000-7000-8000-000000000001"
	otherID = "0198a1b2-0000-7000-8000-000000000002"
	flowID  = "0198a1b2-0000-7000-8000-0000000000f1"
)

// matched is the run that the filters below are tried on.
func matched() *Run {
	run := &Run{ID: oneID, Name: "load-Users_7", FlowRunID: flowID, Tags: []string{"a", "b"}}
	run.State = &orchestration.State{Type: orchestration.Scheduled, Name: "AwaitingRetry"}
	return run
}

func TestFilterMatch(t *testing.T) {
	t.Parallel()
	// A criterion that holds for the run, and one that does not.
	yes, no := &IDFilter{Any: []string{oneID}}, &IDFilter{Any: []string{otherID}}
	cases := map[string]struct {
		filter Filter
		change func(*Run)
		want   bool
	}{
		"no filter matches":                           {want: true},
		"empty members match":                         {filter: Filter{ID: &IDFilter{}, Name: &NameFilter{}, Tags: &TagsFilter{}, State: &StateFilter{}, FlowRunID: &FlowRunIDFilter{}}, want: true},
		"all members must match":                      {filter: Filter{ID: yes, Name: &NameFilter{Any: []string{"other"}}}},
		"all members do match":                        {filter: Filter{ID: yes, Name: &NameFilter{Any: []string{"load-Users_7"}}}, want: true},
		"or: absent members do not count":             {filter: Filter{Or: true, ID: no}},
		"or: empty members match":                     {filter: Filter{Or: true, ID: no, Name: &NameFilter{}, Tags: noTags(), State: noState(), FlowRunID: noFlow()}, want: true},
		"or: an empty state matches":                  {filter: Filter{Or: true, ID: no, Name: noName(), Tags: noTags(), State: &StateFilter{}, FlowRunID: noFlow()}, want: true},
		"or: one match is enough":                     {filter: Filter{Or: true, ID: yes, Name: noName(), Tags: noTags(), State: noState(), FlowRunID: noFlow()}, want: true},
		"or: no match is none":                        {filter: Filter{Or: true, ID: no, Name: noName(), Tags: noTags(), State: noState(), FlowRunID: noFlow()}},
		"id: one of many":                             {filter: Filter{ID: &IDFilter{Any: []string{otherID, oneID}}}, want: true},
		"id: none of many":                            {filter: Filter{ID: no}},
		"id: an empty list has none":                  {filter: Filter{ID: &IDFilter{Any: []string{}}}},
		"name: exact":                                 {filter: Filter{Name: &NameFilter{Any: []string{"x", "load-Users_7"}}}, want: true},
		"name: exact minds the case":                  {filter: Filter{Name: &NameFilter{Any: []string{"load-users_7"}}}},
		"name: an empty list has none":                {filter: Filter{Name: &NameFilter{Any: []string{}}}},
		"name: part of it":                            {filter: Filter{Name: &NameFilter{Like: "USERS"}}, want: true},
		"name: list and part":                         {filter: Filter{Name: &NameFilter{Any: []string{"load-Users_7"}, Like: "flows"}}},
		"tags: all are there":                         {filter: Filter{Tags: &TagsFilter{All: []string{"b", "a", "a"}}}, want: true},
		"tags: one is missing":                        {filter: Filter{Tags: &TagsFilter{All: []string{"a", "c"}}}},
		"tags: an empty list is no criterion":         {filter: Filter{Tags: &TagsFilter{All: []string{}}}, want: true},
		"tags: none wanted, some there":               {filter: Filter{Tags: &TagsFilter{IsNull: new(true)}}},
		"tags: none wanted, none there":               {filter: Filter{Tags: &TagsFilter{IsNull: new(true)}}, change: func(r *Run) { r.Tags = []string{} }, want: true},
		"tags: some wanted, some there":               {filter: Filter{Tags: &TagsFilter{IsNull: new(false)}}, want: true},
		"tags: some wanted, none there":               {filter: Filter{Tags: &TagsFilter{IsNull: new(false)}}, change: func(r *Run) { r.Tags = nil }},
		"tags: both criteria, one fails":              {filter: Filter{Tags: &TagsFilter{All: []string{"c"}, IsNull: new(false)}}},
		"tags or: one criterion holds":                {filter: Filter{Tags: &TagsFilter{Or: true, All: []string{"c"}, IsNull: new(false)}}, want: true},
		"tags or: an absent criterion does not count": {filter: Filter{Tags: &TagsFilter{Or: true, All: []string{"c"}}}},
		"tags or: both fail":                          {filter: Filter{Tags: &TagsFilter{Or: true, All: []string{"c"}, IsNull: new(true)}}},
		"state: its type":                             {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{orchestration.Pending, orchestration.Scheduled}}}, want: true},
		"state: another type":                         {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{orchestration.Pending}}}},
		"state: an empty list of types":               {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{}}}},
		"state: its name":                             {filter: Filter{State: &StateFilter{Names: []string{"AwaitingRetry"}}}, want: true},
		"state: another name":                         {filter: Filter{State: &StateFilter{Names: []string{"awaitingretry"}}}},
		"state: type but not name":                    {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{orchestration.Scheduled}, Names: []string{"Scheduled"}}}},
		"state or: type but not name":                 {filter: Filter{State: &StateFilter{Or: true, Types: []orchestration.StateType{orchestration.Scheduled}, Names: []string{"Scheduled"}}}, want: true},
		"state or: an absent one is left out":         {filter: Filter{State: &StateFilter{Or: true, Names: []string{"Scheduled"}}}},
		"state or: without any it matches":            {filter: Filter{State: &StateFilter{Or: true}}, want: true},
		"state: a run without one":                    {filter: Filter{State: &StateFilter{Types: []orchestration.StateType{""}, Names: []string{""}}}, change: func(r *Run) { r.State = nil }},
		"state: a run without one and no criterion":   {filter: Filter{State: &StateFilter{}}, change: func(r *Run) { r.State = nil }, want: true},
		"flow run: one of many":                       {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{otherID, flowID}, IsNull: new(false)}}, want: true},
		"flow run: none of many":                      {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{otherID}, IsNull: new(false)}}},
		"flow run: an empty list has none":            {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{}, IsNull: new(false)}}},
		"flow run: has one, as by default":            {filter: Filter{FlowRunID: &FlowRunIDFilter{IsNull: new(false)}}, want: true},
		"flow run: has none, which it must":           {filter: Filter{FlowRunID: &FlowRunIDFilter{IsNull: new(false)}}, change: outsideFlows},
		"flow run: null ignores the list":             {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{flowID}, IsNull: new(true)}}},
		"flow run: null and outside flows":            {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{flowID}, IsNull: new(true)}}, change: outsideFlows, want: true},
		"flow run: a null criterion alone":            {filter: Filter{FlowRunID: &FlowRunIDFilter{}}, change: outsideFlows, want: true},
		"flow run: a null criterion and a list":       {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{flowID}}}, want: true},
		"flow run: an empty id is none":               {filter: Filter{FlowRunID: &FlowRunIDFilter{Any: []string{""}}}, change: outsideFlows},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := matched()
			if tc.change != nil {
				tc.change(run)
			}
			if got := tc.filter.Match(run); got != tc.want {
				t.Errorf("Match() = %v, want %v", got, tc.want)
			}
		})
	}
}

// Filters that the run does not pass.
func noName() *NameFilter { return &NameFilter{Any: []string{}} }

func noTags() *TagsFilter {
	return &TagsFilter{Or: true, All: []string{"c"}, IsNull: new(true)}
}

func noState() *StateFilter    { return &StateFilter{Names: []string{}} }
func noFlow() *FlowRunIDFilter { return &FlowRunIDFilter{Any: []string{}} }

func outsideFlows(r *Run) { r.FlowRunID = "" }

func TestLike(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text, pattern string
		want          bool
	}{
		"a substring":                           {"hello world", "lo wo", true},
		"the whole text":                        {"hello", "hello", true},
		"at the start":                          {"hello", "he", true},
		"at the end":                            {"hello", "lo", true},
		"not there":                             {"hello", "world", false},
		"longer than the text":                  {"hell", "hello", false},
		"in another case":                       {"Hello", "hELL", true},
		"only ASCII letters fold":               {"École", "école", false},
		"letters beyond ASCII match themselves": {"école", "éC", true},
		"% is any characters":                   {"hello world", "he%ld", true},
		"% is also none":                        {"hello", "hel%lo", true},
		"% does not turn the order around":      {"hello", "lo%he", false},
		"% alone":                               {"", "%", true},
		"_ is one character":                    {"hello", "h_llo", true},
		"_ is one character beyond ASCII":       {"héllo", "h_llo", true},
		"_ is not none":                         {"hllo", "h_llo", false},
		"_ in an empty text":                    {"", "_", false},
		"a backslash is only that":              {`100%`, `\%`, false},
		"a backslash in the text":               {`a\b`, `\`, true},
		"% after a false start":                 {"aab aac", "a%ac", true},
		"a pattern that needs to go back":       {"abcabd", "abd", true},
		"many wildcards that do not match":      {strings.Repeat("a", 1000), strings.Repeat("a%", 200) + "b", false},
		"brackets and the like have no meaning": {"a[b]*", "[b]*", true},
		"a dot is a dot":                        {"ab", "a.", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := like(tc.text, tc.pattern); got != tc.want {
				t.Errorf("like(%q, %q) = %v, want %v", tc.text, tc.pattern, got, tc.want)
			}
		})
	}
}

// shelf returns runs named a to e, in no order. Later letters have later times;
// c has no times at all; d is running; b and e are the same but for their ids.
func shelf() []*Run {
	at := func(minute int) *time.Time {
		return new(time.Date(2026, time.August, 21, 10, minute, 0, 0, time.UTC))
	}
	run := func(id, name string, times *time.Time, total time.Duration) *Run {
		r := &Run{ID: id, Name: name}
		r.ExpectedStartTime, r.NextScheduledStartTime, r.EndTime, r.TotalRunTime = times, times, times, total
		return r
	}
	d := run("4", "D", at(4), time.Minute)
	d.State = &orchestration.State{Type: orchestration.Running, Timestamp: *at(10)}
	return []*Run{
		run("3", "c", nil, 3*time.Minute), run("5", "b", at(2), 2*time.Minute), d,
		run("1", "a", at(1), 4*time.Minute), run("2", "b", at(2), 2*time.Minute),
	}
}

func TestEverySortOrders(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		sort Sort
		now  int // minutes after ten; d has been running since ten past
		want string
	}{
		"ids descend":                            {sort: SortIDDesc, want: "5 4 3 2 1"},
		"an unknown sort is by id":               {sort: "", want: "5 4 3 2 1"},
		"expected start, none last":              {sort: SortExpectedStartTimeAsc, want: "1 2 5 4 3"},
		"expected start descending, none first":  {sort: SortExpectedStartTimeDesc, want: "3 4 2 5 1"},
		"next start, none last":                  {sort: SortNextScheduledStartTimeAsc, want: "1 2 5 4 3"},
		"end descending, none first":             {sort: SortEndTimeDesc, want: "3 4 2 5 1"},
		"names by their bytes":                   {sort: SortNameAsc, want: "4 1 2 5 3"},
		"names by their bytes descending":        {sort: SortNameDesc, want: "3 2 5 1 4"},
		"durations, a run that has just started": {sort: SortDurationAsc, now: 10, want: "4 2 5 3 1"},
		"durations, a run that goes on":          {sort: SortDurationAsc, now: 60, want: "2 5 3 1 4"},
		"durations descending":                   {sort: SortDurationDesc, now: 60, want: "4 1 3 2 5"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := Query{Sort: tc.sort, Limit: 200, Now: time.Date(2026, time.August, 21, 10, tc.now, 0, 0, time.UTC)}
			runs := shelf()
			if diff := cmp.Diff(tc.want, order(q.Page(runs).Runs)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			slices.Reverse(runs)
			if diff := cmp.Diff(tc.want, order(q.Page(runs).Runs)); diff != "" {
				t.Errorf("from another order (-want +got):\n%s", diff)
			}
		})
	}
}

func order(runs []*Run) string {
	var ids []string
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	return strings.Join(ids, " ")
}

func TestPages(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limit, offset int
		want          string
	}{
		"the first page":             {limit: 2, want: "5 4"},
		"a page in the middle":       {limit: 2, offset: 2, want: "3 2"},
		"the last page, not full":    {limit: 2, offset: 4, want: "1"},
		"beyond the last page":       {limit: 2, offset: 5},
		"far beyond the last page":   {limit: 2, offset: 1 << 62},
		"a limit of none":            {offset: 1},
		"a limit beyond what is":     {limit: 200, offset: 3, want: "2 1"},
		"as large a limit as can be": {limit: 1<<63 - 1, offset: 4, want: "1"},
		"negative numbers are none":  {limit: -1, offset: -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := order(Query{Limit: tc.limit, Offset: tc.offset}.Page(shelf()).Runs)
			if got != tc.want {
				t.Errorf("page is %q, want %q", got, tc.want)
			}
		})
	}
}
