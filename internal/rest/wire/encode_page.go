package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Usual sizes of what is written, in bytes, so that a buffer is allocated once.
const (
	RunSize          = 2048
	StateSize        = 1024
	TextSize         = 256
	FlowRunCountSize = 48 // of the runs of a flow run
)

// AppendPageEnd writes the members that follow the runs of a page (contract §1.4). number counts from 1.
func AppendPageEnd(b []byte, total, limit, number int) []byte {
	b = append(b, `],"count":`...)
	b = strconv.AppendInt(b, int64(total), 10)
	b = append(b, `,"limit":`...)
	b = strconv.AppendInt(b, int64(limit), 10)
	b = append(b, `,"pages":`...)
	b = strconv.AppendInt(b, int64(pagesOf(total, limit)), 10)
	b = append(b, `,"page":`...)
	b = strconv.AppendInt(b, int64(number), 10)
	return append(b, '}')
}

// pagesOf is how many pages so many runs fill; pages without room are none.
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
	b = append(b, `{"id":`...)
	b = pyjson.AppendText(b, run.ID)
	b = append(b, `,"created":`...)
	b = appendTime(b, run.Created)
	b = append(b, `,"updated":`...)
	b = appendTime(b, run.Updated)
	b = append(b, `,"name":`...)
	b = pyjson.AppendText(b, run.Name)
	b = append(b, `,"flow_run_id":`...)
	b = appendUnlessEmpty(b, run.FlowRunID)
	b = append(b, `,"task_key":`...)
	b = pyjson.AppendText(b, run.TaskKey)
	b = append(b, `,"state_id":`...)
	b = appendTextOrNull(b, stateID)
	b = append(b, `,"state":`...)
	b = AppendState(b, run, run.State)
	b = append(b, `,"task_version":`...)
	b = appendTextOrNull(b, run.TaskVersion)
	b = append(b, `,"task_inputs":`...)
	b = appendInputs(b, run.TaskInputs)
	b = append(b, `,"empirical_policy":`...)
	b = appendPolicy(b, &run.Policy)
	b = append(b, `,"tags":`...)
	b = appendTexts(b, run.Tags)
	b = append(b, `,"start_time":`...)
	b = appendTimeOrNull(b, run.StartTime)
	b = append(b, `,"end_time":`...)
	b = appendTimeOrNull(b, run.EndTime)
	b = appendSpans(b, run, now)
	return append(b, '}')
}
