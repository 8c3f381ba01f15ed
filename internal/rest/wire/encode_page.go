package wire

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Typical sizes of encoded values, in bytes, so that a buffer is allocated
// once.
const (
	RunSize          = 2048
	StateSize        = 1024
	TextSize         = 256
	FlowRunCountSize = 48 // a member for one flow run
)

// PageBegin is the text before the runs of a page (contract §1.4).
const PageBegin = `{"results":[`

// AppendPageEnd writes the text after the runs of a page. number counts from 1.
func AppendPageEnd(b []byte, total, limit, number int) []byte {
	return pyjson.ObjectWriter(append(b, ']')).
		Int("count", int64(total)).
		Int("limit", int64(limit)).
		Int("pages", int64(pagesOf(total, limit))).
		Int("page", int64(number)).
		End()
}

// pagesOf returns the number of pages of this number of runs, or 0 if the page
// size is 0.
func pagesOf(count, limit int) int {
	if limit == 0 {
		return 0
	}
	return (count + limit - 1) / limit
}

// AppendReducedRun writes a run with the members that pages have.
func AppendReducedRun(b []byte, run *taskrun.Run, now time.Time) []byte {
	var stateID *string
	if run.State != nil {
		stateID = &run.State.ID
	}
	o := pyjson.BeginObject(b).
		Text("id", run.ID).
		Time("created", run.Created).
		Time("updated", run.Updated).
		Text("name", run.Name).
		NonEmpty("flow_run_id", run.FlowRunID).
		Text("task_key", run.TaskKey).
		TextOrNull("state_id", stateID)
	o = AppendState(o.Member("state"), run, run.State)
	o = o.TextOrNull("task_version", run.TaskVersion)
	o = appendInputs(o.Member("task_inputs"), run.TaskInputs)
	o = appendPolicy(o.Member("empirical_policy"), &run.Policy)
	o = AppendTexts(o.Member("tags"), run.Tags)
	o = o.
		TimeOrNull("start_time", run.StartTime).
		TimeOrNull("end_time", run.EndTime)
	return writeSpans(o, run, now).End()
}
