package wire

import (
	"math"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textInterval = "History interval must not be less than 1 second."

// longestInterval replaces longer intervals, which exceed all times on the
// wire.
const longestInterval = 1e12 // seconds

// DecodeHistory reads the parameters of history (contract §2.11).
func DecodeHistory(body pyjson.Value) (q taskrun.HistoryQuery, err error) {
	var faults validate.Faults
	p, ok := parametersOf(&faults, body,
		"history_start", "history_end", "history_interval_seconds", "flows", "flow_runs", "task_runs", "deployments")
	if !ok {
		return q, invalid(&faults, body)
	}
	q.Start = required(p, &faults, "history_start", validate.Node.Time)
	q.End = required(p, &faults, "history_end", validate.Node.Time)
	q.Interval = microsecondsOf(required(p, &faults, "history_interval_seconds", validate.Node.Float))
	q.Filter = readFilters(p)
	if err := invalid(&faults, body); err != nil {
		return q, err
	}
	if q.Interval < taskrun.MinHistoryInterval {
		return q, unprocessable(textInterval)
	}
	return q, nil
}

// microsecondsOf rounds a number of seconds as Python's timedelta does. A text
// that is not a number is 0.
func microsecondsOf(seconds string) taskrun.Microseconds {
	f, err := strconv.ParseFloat(seconds, 64)
	if err != nil || math.IsNaN(f) || f < 0 {
		return 0
	}
	whole, fraction := math.Modf(min(f, longestInterval))
	return taskrun.Microseconds(whole)*taskrun.MinHistoryInterval + taskrun.Microseconds(math.RoundToEven(fraction*1e6))
}
