package taskrun

import (
	"strings"
	"time"
)

// Log is one line that a client logged.
type Log struct {
	ID        string
	Created   time.Time
	Name      string // of the logger
	Level     int    // as Python counts: 20 is info, 40 an error
	Message   string
	Timestamp time.Time
	FlowRunID string // "": none
	TaskRunID string // "": none
}

// LogQuery asks for lines.
type LogQuery struct {
	Filter     LogFilter
	Descending bool // by timestamp; those of the same time stay in the order in which they came
	Limit      int  // 0: none are returned
	Offset     int
}

// LogFilter restricts lines as Filter does runs.
type LogFilter struct {
	Or        bool
	Level     *LevelFilter
	Timestamp *TimeFilter
	FlowRunID *IDFilter
	TaskRunID *LogRunFilter
	Text      *TextFilter
}

// LevelFilter matches levels; both ends are inclusive.
type LevelFilter struct {
	AtLeast *int // nil: no criterion
	AtMost  *int // nil: no criterion
}

// LogRunFilter matches the id of the run that a line belongs to.
type LogRunFilter struct {
	Any    []string // nil: no criterion
	IsNull *bool    // true: it belongs to none; nil: no criterion
}

// TextFilter matches the message and the name of a line without regard to case.
type TextFilter struct {
	AnyOf  []string // one of them is there; none: no criterion
	AllOf  []string // each of them is there
	NoneOf []string // none of them is there
}

// Match reports whether the line passes the filter.
func (f *LogFilter) Match(line *Log) bool {
	var c criteria
	c.add(f.Level != nil, f.Level.match(line.Level))
	c.add(f.Timestamp != nil, f.Timestamp.match(&line.Timestamp))
	c.add(f.FlowRunID != nil, f.FlowRunID == nil || f.FlowRunID.Any == nil || has(nil, f.FlowRunID.Any, line.FlowRunID))
	c.add(f.TaskRunID != nil, f.TaskRunID.match(line.TaskRunID))
	if f.Text != nil {
		f.Text.addTo(&c, strings.ToLower(line.Message+" "+line.Name))
	}
	return c.hold(f.Or)
}

func (f *LevelFilter) match(level int) bool {
	return f == nil || (f.AtLeast == nil || level >= *f.AtLeast) && (f.AtMost == nil || level <= *f.AtMost)
}

func (f *LogRunFilter) match(id string) bool {
	return f == nil || (f.Any == nil || has(nil, f.Any, id)) && (f.IsNull == nil || *f.IsNull == (id == ""))
}

// addTo adds what is asked of the text, which is in lower case.
func (f *TextFilter) addTo(c *criteria, text string) {
	found := func(terms []string) (n int) {
		for _, term := range terms {
			if strings.Contains(text, strings.ToLower(term)) {
				n++
			}
		}
		return n
	}
	c.add(len(f.AnyOf) > 0, found(f.AnyOf) > 0)
	c.add(len(f.NoneOf) > 0, found(f.NoneOf) == 0)
	c.add(len(f.AllOf) > 0, found(f.AllOf) == len(f.AllOf))
}
