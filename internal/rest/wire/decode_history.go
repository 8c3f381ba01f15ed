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
func DecodeHistory(body pyjson.Value) (q taskrun.HistoryQuery, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body,
		"history_start", "history_end", "history_interval_seconds", "flows", "flow_runs", "task_runs", "deployments")
	if !ok {
		return q, Invalid(&faults, body)
	}
	q.Start = ReadRequired(p, &faults, "history_start", validate.Node.Time)
	q.End = ReadRequired(p, &faults, "history_end", validate.Node.Time)
	q.Interval = microsecondsOf(ReadRequired(p, &faults, "history_interval_seconds", validate.Node.Float))
	q.Filter = readFilters(p)
	if err := Invalid(&faults, body); err != nil {
		return q, err
	}
	if q.Interval < taskrun.MinHistoryInterval {
		return q, unprocessable(textInterval)
	}
	return q, nil
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
