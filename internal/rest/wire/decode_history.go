package wire

import (
	"math"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textInterval = "History interval must not be less than 1 second."

// longestInterval stands for all intervals that are longer than the time that
// has a spelling.
const longestInterval = 1e12 // seconds

// DecodeHistory reads the parameters of history (contract §2.11).
func DecodeHistory(body pyjson.Value) (q taskrun.HistoryQuery, why Validation) {
	var faults validate.Faults
	p, missing := parametersOf(&faults, body,
		"history_start", "history_end", "history_interval_seconds", "flows", "flow_runs", "task_runs", "deployments")
	if missing != nil {
		return q, Validation{faults: missing}
	}
	q.Start = required(p, &faults, "history_start", validate.Node.Time)
	q.End = required(p, &faults, "history_end", validate.Node.Time)
	q.Interval = microsecondsOf(required(p, &faults, "history_interval_seconds", validate.Node.Float))
	q.Filter = readFilters(p)
	why.faults = faults.Errors()
	if why.faults == nil && q.Interval < taskrun.MinHistoryInterval {
		why.detail = textInterval
	}
	return q, why
}

// microsecondsOf rounds a number of seconds as Python's timedelta does; what is
// no number is 0.
func microsecondsOf(seconds string) taskrun.Microseconds {
	f, err := strconv.ParseFloat(seconds, 64)
	if err != nil || math.IsNaN(f) || f < 0 {
		return 0
	}
	whole, fraction := math.Modf(min(f, longestInterval))
	return taskrun.Microseconds(whole)*taskrun.MinHistoryInterval + taskrun.Microseconds(math.RoundToEven(fraction*1e6))
}
