package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// MaxHistoryBins is how many bins a history has at most; those after them are
// left out (contract §2.11).
const MaxHistoryBins = 500

// MinHistoryInterval is the length of the shortest bin.
const MinHistoryInterval Microseconds = 1_000_000

// Microseconds is a span of time, as a time.Duration is, but with room for
// thousands of years.
type Microseconds int64

// HistoryQuery asks how many runs were to start when.
type HistoryQuery struct {
	Filter Filter
	Window
}

// Window is the time of a history, and the length of its bins.
type Window struct {
	Start, End time.Time    // the last bin may run past the end; without time between them there is none
	Interval   Microseconds // of a bin; MinHistoryInterval or more
}

// HistoryBin counts the runs whose expected start time lies in it.
type HistoryBin struct {
	Start, End time.Time // the end is not part of the bin
	States     []HistoryState
}

// HistoryState counts the runs of a bin that are in one state now.
type HistoryState struct {
	Type     orchestration.StateType
	Name     string
	Count    int
	RunTime  Seconds // the sum of their estimated run times, negative ones aside
	Lateness Seconds // the sum of their estimated start time deltas, negative ones aside
}

// Seconds is a sum of durations that may be longer than a time.Duration can be.
type Seconds struct{ whole, micros int64 }

// Add adds a duration. Negative ones count as 0.
func (s *Seconds) Add(d time.Duration) {
	if d <= 0 {
		return
	}
	micros := s.micros + d.Microseconds()
	s.whole += micros / int64(MinHistoryInterval)
	s.micros = micros % int64(MinHistoryInterval)
}

// Float is the sum as a number of seconds.
func (s Seconds) Float() float64 { return float64(s.whole) + float64(s.micros)/1e6 }

// ObservedQuery asks which states runs are in and were in.
type ObservedQuery struct {
	Prefix string // of the type or the name, ASCII letters in either case; "": no restriction
	ByName bool   // by type and name; else those seen last come first
	Limit  int    // 0: none are returned
}

// ObservedState is a type and name of states that runs have, and when.
type ObservedState struct {
	Type      orchestration.StateType
	Name      string
	FirstSeen time.Time // the earliest timestamp of such a state
	LastSeen  time.Time // the latest one
}

// StateCount is the number of runs in states of a type.
type StateCount struct {
	Type  orchestration.StateType
	Count int
}

// DashboardBuckets is into how many equal parts a dashboard divides its window.
const DashboardBuckets = 20

// DashboardBucket counts the finished runs that started in a part of the window.
type DashboardBucket struct {
	Completed int // COMPLETED and CANCELLED
	Failed    int // FAILED and CRASHED
}
