package objecttest

import (
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// EverySort lists every sort of a query, and none.
var EverySort = []taskrun.Sort{
	taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
	taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
	taskrun.SortEndTimeDesc, taskrun.SortDurationAsc, taskrun.SortDurationDesc, "",
}

// Crowd creates objects with many equal values, so that filters match some of them
// and sort keys are equal. Half of the times are not set.
type Crowd struct {
	storetest.Random

	PlainIDs bool // every id is a UUID
}

const (
	flowRunA = "0198a1b2-0000-7000-9000-00000000000a"
	flowRunB = "0198a1b2-0000-7000-9000-00000000000b"
)

// manyNames is long enough that a filter compiles it to a map.
var manyNames = []string{"a", "B", "x_y", "extract-page-1", "m1", "m2", "m3", "m4", "m5", "m6"}

var crowdNames = []string{"a", "B", "extract-page-1", "extract-page-10", "extract-page-2", "extract-pagé", "x_y"}

// Object returns a version of the n-th object. A different life is a different
// object with the same name.
func (c Crowd) Object(n, life, version int) *v1alpha1.TaskRun {
	id := fmt.Sprintf("%08x-0000-7000-8000-%012x", c.IntN(3), n)
	if !c.PlainIDs && n%7 == 0 {
		id = "odd-" + strconv.Itoa(n)
	}
	run := taskrun.Run{
		ID: id, Created: c.someTime(), Name: storetest.Pick(c.Random, crowdNames), TaskKey: "k", DynamicKey: strconv.Itoa(n),
		FlowRunID: storetest.Pick(c.Random, []string{"", flowRunA, flowRunB}),
		Tags:      storetest.Pick(c.Random, [][]string{nil, {"a"}, {"b", "a"}, {"ab"}, {"a", "b"}}),
	}
	run.Progress = orchestration.Progress{
		State: new(c.someState()), StartTime: storetest.Maybe(c.Random, c.someTime), EndTime: storetest.Maybe(c.Random, c.someTime),
		ExpectedStartTime: storetest.Maybe(c.Random, c.someTime), NextScheduledStartTime: storetest.Maybe(c.Random, c.someTime),
		TotalRunTime: time.Duration(c.IntN(5)) * time.Second,
	}
	for range c.IntN(3) {
		run.History = append(run.History, c.someState())
	}
	o := convert.ObjectFromRun(&run, "default")
	o.Name, o.UID, o.ResourceVersion = "x"+strconv.Itoa(n), types.UID(fmt.Sprint("u", n, "-", life)), strconv.Itoa(version)
	o.Status = convert.StatusFromRun(&run)
	return o
}

// someTime returns one of a few times.
func (c Crowd) someTime() time.Time {
	return time.Date(2026, time.August, 21, 10, 0, 0, c.IntN(6)*1000, time.UTC)
}

func (c Crowd) someState() orchestration.State {
	kind := storetest.Pick(c.Random, orchestration.StateTypes[:4])
	return orchestration.State{
		ID: c.ID(), Type: kind, Timestamp: c.someTime(),
		Name: storetest.Pick(c.Random, []string{kind.DefaultName(), orchestration.NameCached}),
	}
}

// parentFilter returns a filter on flow runs, by criteria or by ids.
func (c Crowd) parentFilter() *taskrun.ParentFilter {
	if c.Flag() {
		return &taskrun.ParentFilter{FlowRunIDs: storetest.Pick(c.Random, []map[string]struct{}{{}, {flowRunA: {}, "": {}}})}
	}
	return &taskrun.ParentFilter{FlowRun: &taskrun.ParentCriteria{
		Or: c.Flag(), Members: []taskrun.ParentCriterion{{Fact: taskrun.FactFlowRunID, Any: storetest.Pick(c.Random, [][]string{nil, {}, {flowRunA}})}},
	}}
}

// Filter returns a filter of random members.
func (c Crowd) Filter() taskrun.Filter {
	f := taskrun.Filter{Or: c.Flag()}
	rarely := func() bool { return c.IntN(3) == 0 }
	if rarely() {
		f.State = c.stateFilter()
	}
	if rarely() {
		f.Tags = &taskrun.TagsFilter{Or: c.Flag(), All: storetest.Pick(c.Random, [][]string{nil, {"a"}, {"a", "b"}}), IsNull: storetest.Maybe(c.Random, c.Flag)}
	}
	if rarely() {
		f.Name = &taskrun.NameFilter{
			Any:  storetest.Pick(c.Random, [][]string{nil, {}, {"a", "extract-page-2"}, manyNames}),
			Like: storetest.Pick(c.Random, []string{"", "PAGE", "t%1", "x_y", "_", "é"}),
		}
	}
	if rarely() {
		f.FlowRunID = &taskrun.FlowRunIDFilter{Any: storetest.Pick(c.Random, [][]string{nil, {}, {flowRunA}}), IsNull: storetest.Maybe(c.Random, c.Flag)}
	}
	if rarely() {
		f.ID = &taskrun.IDFilter{Any: storetest.Pick(c.Random, [][]string{nil, {}, {
			"00000000-0000-7000-8000-000000000001", "00000001-0000-7000-8000-000000000002", "odd-7", "odd-7", "none",
		}})}
	}
	if rarely() {
		f.Parents = c.parentFilter()
	}
	if rarely() {
		f.Subflows = &taskrun.SubflowFilter{
			Exists:       storetest.Maybe(c.Random, c.Flag),
			Placeholders: storetest.Pick(c.Random, []map[string]struct{}{nil, {"odd-7": {}, "00000000-0000-7000-8000-000000000001": {}}}),
		}
	}
	for _, member := range []**taskrun.TimeFilter{&f.StartTime, &f.EndTime, &f.ExpectedStartTime} {
		if rarely() {
			*member = &taskrun.TimeFilter{
				After: storetest.Maybe(c.Random, c.bound), Before: storetest.Maybe(c.Random, c.bound), IsNull: storetest.Maybe(c.Random, c.Flag),
			}
		}
	}
	return f
}

// bound returns a time close to those of the runs, with nanoseconds.
func (c Crowd) bound() time.Time {
	return c.someTime().Add(time.Duration(c.IntN(3)-1) * time.Nanosecond)
}

func (c Crowd) stateFilter() *taskrun.StateFilter {
	return &taskrun.StateFilter{
		Or:    c.Flag(),
		Types: storetest.Pick(c.Random, [][]orchestration.StateType{nil, {}, orchestration.StateTypes[:1], orchestration.StateTypes[1:3]}),
		Names: storetest.Pick(c.Random, [][]string{nil, {}, {orchestration.NameCached}, {"Running", "Pending"}}),
	}
}

// Query returns a random query.
func (c Crowd) Query() taskrun.Query {
	return taskrun.Query{
		Filter: c.Filter(), Sort: storetest.Pick(c.Random, EverySort), Counted: c.Flag(),
		Offset: storetest.Pick(c.Random, []int{0, 0, 1, 3, 20, 150, 5000}), Limit: storetest.Pick(c.Random, []int{0, 1, 3, 10, 200}),
		Now: c.someTime().Add(time.Second),
	}
}
