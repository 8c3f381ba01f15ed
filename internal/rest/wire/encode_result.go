package wire

import (
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// detailTypes are the documented types of the details of a verdict.
var detailTypes = map[orchestration.Status]string{
	orchestration.Accept: "accept_details",
	orchestration.Reject: "reject_details",
	orchestration.Abort:  "abort_details",
	orchestration.Wait:   "wait_details",
}

// AppendResult writes an OrchestrationResult (contract §2.8).
func AppendResult(b []byte, o *taskrun.Outcome) []byte {
	d := &o.Decision
	b = append(b, `{"state":`...)
	b = AppendState(b, o.Run, o.State)
	b = append(b, `,"status":`...)
	b = pyjson.AppendText(b, string(d.Status))
	b = append(b, `,"details":{"type":`...)
	b = pyjson.AppendText(b, detailTypes[d.Status])
	if d.Status == orchestration.Wait {
		b = append(b, `,"delay_seconds":`...)
		b = strconv.AppendInt(b, int64(d.Delay/time.Second), 10)
	}
	if d.Status != orchestration.Accept {
		b = append(b, `,"reason":`...)
		b = appendUnlessEmpty(b, d.Reason)
	}
	return append(b, "}}"...)
}
