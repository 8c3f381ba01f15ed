package taskrun

import (
	"slices"
	"strings"
	"sync"
)

// Bounds of a LogBook. What goes beyond them drops the lines that came first.
const (
	MaxLogs     = 20_000
	MaxLogBytes = 16 << 20 // of all messages and names together
)

// LogBook keeps the latest lines that clients logged, in memory: it forgets
// them with the process, and no other replica knows them. It serves what an SDK
// expects of a server and is no log store.
type LogBook struct {
	clock Clock
	newID func() string

	mu    sync.RWMutex
	lines []*Log // in the order in which they came
	bytes int    // of all messages and names
}

// NewLogBook returns an empty book. newID makes the ids of lines; nil takes a
// good default.
func NewLogBook(clock Clock, newID func() string) *LogBook {
	if newID == nil {
		newID = risingID
	}
	return &LogBook{clock: clock, newID: newID}
}

// Add keeps the lines. It gives them ids and a time of creation, and takes NUL
// characters out of their texts, as Prefect does.
func (b *LogBook) Add(lines []Log) {
	now := b.clock.Now().UTC()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range lines {
		line.ID, line.Created = b.newID(), now
		line.Name = strings.ReplaceAll(line.Name, "\x00", "")
		line.Message = strings.ReplaceAll(line.Message, "\x00", "")
		b.lines = append(b.lines, &line)
		b.bytes += line.size()
	}
	drop := 0
	for ; len(b.lines)-drop > MaxLogs || b.bytes > MaxLogBytes; drop++ {
		b.bytes -= b.lines[drop].size()
	}
	b.lines = slices.Delete(b.lines, 0, drop)
}

func (l *Log) size() int { return len(l.Name) + len(l.Message) }

// Query returns the lines that match, sorted and paged.
func (b *LogBook) Query(q LogQuery) []*Log {
	lines := b.matching(&q.Filter)
	slices.SortStableFunc(lines, func(x, y *Log) int {
		if q.Descending {
			x, y = y, x
		}
		return x.Timestamp.Compare(y.Timestamp)
	})
	rest := lines[min(max(q.Offset, 0), len(lines)):]
	return rest[:min(max(q.Limit, 0), len(rest))]
}

func (b *LogBook) matching(f *LogFilter) []*Log {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var lines []*Log
	for _, line := range b.lines {
		if f.Match(line) {
			lines = append(lines, line)
		}
	}
	return lines
}
