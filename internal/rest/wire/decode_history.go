package wire

import (
	"math"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const textInterval = "History interval must not be less than 1 second."

// longestInterval replaces longer intervals, which exceed all times on the
// wire.
const longestInterval = 1e12 // seconds

// DecodeHistory reads the parameters of history (contract §2.11). The parents are as those
// of DecodeFilter.
func DecodeHistory(body pyjson.Value) (q taskrun.HistoryQuery, parents flowrun.Filters, err error) {
	read := func(p *validate.Model) { q.Filter, parents = readFilters(p) }
	q.Window, err = ReadHistory(body, filterKeys, read)
	return q, parents, err
}

// ReadHistory reads the window of a history, and with read the filters under the keys.
func ReadHistory(body pyjson.Value, keys []string, read func(*validate.Model)) (w taskrun.Window, err error) {
	var faults validate.Faults
	p, ok := ReadParameters(&faults, body,
		append([]string{"history_start", "history_end", "history_interval_seconds"}, keys...)...)
	if !ok {
		return w, Invalid(&faults, body)
	}
	w.Start = ReadRequired(p, &faults, "history_start", validate.Node.Time)
	w.End = ReadRequired(p, &faults, "history_end", validate.Node.Time)
	w.Interval = microsecondsOf(ReadRequired(p, &faults, "history_interval_seconds", validate.Node.Float))
	read(p)
	if err := Invalid(&faults, body); err != nil {
		return w, err
	}
	if w.Interval < taskrun.MinHistoryInterval {
		return w, unprocessable(textInterval)
	}
	return w, nil
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
