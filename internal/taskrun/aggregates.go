package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// MaxHistoryBins is the maximum number of bins of a history. Later bins are
// omitted (contract §2.11).
const MaxHistoryBins = 500

// MinHistoryInterval is the length of the shortest bin.
const MinHistoryInterval Microseconds = 1_000_000

// Microseconds is a duration with a range of thousands of years, larger than
// that of time.Duration.
type Microseconds int64

// HistoryQuery requests the number of runs by their expected start time.
type HistoryQuery struct {
	Filter Filter
	Window
}

// Window is the time of a history, and the length of its bins.
type Window struct {
	Start, End time.Time    // the last bin may run past the end; without time between them there is none
	Interval   Microseconds // of a bin; MinHistoryInterval or more
}

// HistoryBin counts the runs with an expected start time in the bin.
type HistoryBin struct {
	Start, End time.Time // the end is not part of the bin
	States     []HistoryState
}

// HistoryState counts the runs of a bin that are currently in one state.
type HistoryState struct {
	Type     orchestration.StateType
	Name     string
	Count    int
	RunTime  Seconds // sum of their estimated run times without negative ones
	Lateness Seconds // sum of their estimated start time deltas without negative ones
}

// Seconds is a sum of durations. It can be longer than a time.Duration.
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

// Float returns the sum in seconds.
func (s Seconds) Float() float64 { return float64(s.whole) + float64(s.micros)/1e6 }

// ObservedQuery requests the current and past states of runs.
type ObservedQuery struct {
	Prefix string // of the type or the name, ASCII letters in either case; "": no restriction
	ByName bool   // by type and name; otherwise the states seen last come first
	Limit  int    // 0: no states are returned
}

// ObservedState is a type and name of states of runs, with the times of the
// first and last one.
type ObservedState struct {
	Type      orchestration.StateType
	Name      string
	FirstSeen time.Time // earliest timestamp of such a state
	LastSeen  time.Time // latest timestamp of such a state
}

// StateCount is the number of runs in states of a type.
type StateCount struct {
	Type  orchestration.StateType
	Count int
}

// DashboardBuckets is the number of equal parts of the window of a dashboard.
const DashboardBuckets = 20

// DashboardBucket counts the finished runs that started in a part of the window.
type DashboardBucket struct {
	Completed int // COMPLETED and CANCELLED
	Failed    int // FAILED and CRASHED
}
