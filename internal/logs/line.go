package logs

import (
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Line is one line that a client logged.
type Line struct {
	ID        string
	Created   time.Time
	Name      string // of the logger
	Level     int    // Python's number: 20 is INFO, 40 is ERROR
	Message   string
	Timestamp time.Time
	FlowRunID string // "": none
	TaskRunID string // "": none
}

// Query selects lines.
type Query struct {
	Filter     Filter
	Descending bool // by timestamp; lines with equal timestamps stay in order of arrival
	Limit      int  // 0: no lines are returned
	Offset     int
}

// Filter restricts lines like taskrun.Filter restricts runs.
type Filter struct {
	Or        bool
	Level     *LevelFilter
	Timestamp *taskrun.TimeFilter
	FlowRunID *taskrun.IDFilter
	TaskRunID *RunFilter
	Text      *TextFilter
}

// LevelFilter matches levels. Both ends are inclusive.
type LevelFilter struct {
	AtLeast *int // nil: no criterion
	AtMost  *int // nil: no criterion
}

// RunFilter matches the id of the run of a line.
type RunFilter struct {
	Any    []string // nil: no criterion
	IsNull *bool    // true: the line has no run; nil: no criterion
}

// TextFilter matches the message and the name of a line, case-insensitive.
type TextFilter struct {
	AnyOf  []string // at least one of them is required; none: no criterion
	AllOf  []string // all of them are required
	NoneOf []string // none of them is allowed
}

// Matcher returns a function that reports whether a line passes the filter. It compiles
// long lists to maps. The filter must not change while the function is used.
func (f *Filter) Matcher() func(*Line) bool {
	var flowRuns, taskRuns taskrun.TextSet
	if f.FlowRunID != nil {
		flowRuns = taskrun.NewTextSet(f.FlowRunID.Any)
	}
	if f.TaskRunID != nil {
		taskRuns = taskrun.NewTextSet(f.TaskRunID.Any)
	}
	var text *textMatcher
	if f.Text != nil {
		text = f.Text.matcher()
	}
	return func(line *Line) bool { return f.match(line, &flowRuns, &taskRuns, text) }
}

func (f *Filter) match(line *Line, flowRuns, taskRuns *taskrun.TextSet, text *textMatcher) bool {
	var c taskrun.Criteria
	c.Add(f.Level != nil, f.Level.match(line.Level))
	c.Add(f.Timestamp != nil, f.Timestamp.Match(&line.Timestamp))
	c.Add(f.FlowRunID != nil, f.FlowRunID == nil || f.FlowRunID.Any == nil || taskrun.Has(flowRuns, line.FlowRunID))
	c.Add(f.TaskRunID != nil, f.TaskRunID.match(line.TaskRunID, taskRuns))
	if text != nil {
		text.addTo(&c, strings.ToLower(line.Message+" "+line.Name))
	}
	return c.Hold(f.Or)
}

func (f *LevelFilter) match(level int) bool {
	return f == nil || (f.AtLeast == nil || level >= *f.AtLeast) && (f.AtMost == nil || level <= *f.AtMost)
}

func (f *RunFilter) match(id string, in *taskrun.TextSet) bool {
	return f == nil || (f.Any == nil || taskrun.Has(in, id)) && (f.IsNull == nil || *f.IsNull == (id == ""))
}

// textMatcher is a TextFilter whose terms are in lower case.
type textMatcher struct{ anyOf, allOf, noneOf []string }

func (f *TextFilter) matcher() *textMatcher {
	lower := func(terms []string) []string {
		lowered := make([]string, len(terms))
		for i, term := range terms {
			lowered[i] = strings.ToLower(term)
		}
		return lowered
	}
	return &textMatcher{lower(f.AnyOf), lower(f.AllOf), lower(f.NoneOf)}
}

// addTo adds the criteria on the text, which is in lower case.
func (m *textMatcher) addTo(c *taskrun.Criteria, text string) {
	found := func(terms []string) (n int) {
		for _, term := range terms {
			if strings.Contains(text, term) {
				n++
			}
		}
		return n
	}
	c.Add(len(m.anyOf) > 0, found(m.anyOf) > 0)
	c.Add(len(m.noneOf) > 0, found(m.noneOf) == 0)
	c.Add(len(m.allOf) > 0, found(m.allOf) == len(m.allOf))
}
