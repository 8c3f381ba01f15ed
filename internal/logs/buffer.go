package logs

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// logOverhead is the approximate memory of a line without its texts, in bytes.
	lineOverhead = 320
	// bookOverhead is the approximate memory of a buffer with lines, without them,
	// in bytes.
	bufferOverhead = 512
	// linesPerLook is the number of lines that a query examines while it holds the
	// lock.
	linesPerLook = 500
)

// Buffer keeps the latest lines that clients logged in a namespace, in memory. They
// are lost when the process ends, and other replicas do not have them. The buffer
// supports the SDK's requests; it is not a log store. A bytebudget.Budget limits
// it.
type Buffer struct {
	clock clock.PassiveClock
	newID func() string
	share *bytebudget.Share

	mu      sync.RWMutex
	lines   []*Line // in the order in which they came
	dropped int     // how many lines before these are gone
	removed int     // how often lines were removed from among them
}

// NewBuffer returns an empty buffer. newID returns the ids of lines; nil selects a
// default.
func NewBuffer(clock clock.PassiveClock, newID func() string, budget *bytebudget.Budget) *Buffer {
	if newID == nil {
		newID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	b := &Buffer{clock: clock, newID: newID}
	b.share = budget.Join(b.dropOldest)
	return b
}

// Add stores the lines. It sets their ids and creation time, and removes NUL
// characters from their texts, as Prefect does.
func (b *Buffer) Add(lines []Line) {
	now := b.clock.Now().UTC()
	var bytes int64
	b.mu.Lock()
	if len(b.lines) == 0 && len(lines) > 0 {
		bytes += bufferOverhead
	}
	for _, line := range lines {
		line.ID, line.Created = b.newID(), now
		line.Name = strings.ReplaceAll(line.Name, "\x00", "")
		line.Message = strings.ReplaceAll(line.Message, "\x00", "")
		b.lines = append(b.lines, &line)
		bytes += line.bytes()
	}
	b.mu.Unlock()
	b.share.Add(bytes)
}

func (l *Line) bytes() int64 { return int64(lineOverhead + len(l.Name) + len(l.Message)) }

func (b *Buffer) dropOldest() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) == 0 {
		return 0
	}
	oldest := b.lines[0]
	b.lines[0] = nil
	b.lines = b.lines[1:]
	b.dropped++
	if len(b.lines) == 0 {
		b.lines = nil
		return oldest.bytes() + bufferOverhead
	}
	return oldest.bytes()
}

// DeleteOfFlowRuns removes the lines of the flow runs with these ids.
func (b *Buffer) DeleteOfFlowRuns(ids []string) {
	of := taskrun.NewTextSet(ids)
	var bytes int64
	b.mu.Lock()
	kept := make([]*Line, 0, len(b.lines))
	for _, line := range b.lines {
		if taskrun.Has(&of, line.FlowRunID) {
			bytes += line.bytes()
		} else {
			kept = append(kept, line)
		}
	}
	if bytes > 0 {
		if len(kept) == 0 {
			kept = nil
			bytes += bufferOverhead
		}
		b.lines = kept
		b.removed++
	}
	b.mu.Unlock()
	b.share.Add(-bytes)
}

// Empty reports whether there are no lines.
func (b *Buffer) Empty() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.lines) == 0
}

// Close drops all lines. The buffer must not be used afterwards.
func (b *Buffer) Close() { b.share.Leave() }

// Query returns the matching lines, sorted and paged. It ends with the context.
func (b *Buffer) Query(ctx context.Context, q Query) ([]*Line, error) {
	lines, err := b.matching(ctx, &q.Filter)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(lines, func(x, y *Line) int {
		if q.Descending {
			x, y = y, x
		}
		return x.Timestamp.Compare(y.Timestamp)
	})
	rest := lines[min(max(q.Offset, 0), len(lines)):]
	return rest[:min(max(q.Limit, 0), len(rest))], nil
}

func (b *Buffer) matching(ctx context.Context, f *Filter) (matching []*Line, err error) {
	match := f.Matcher()
	var at cursor
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		matching, more = b.look(matching, &at, match)
	}
	return matching, nil
}

// cursor is the place of a query in the lines.
type cursor struct {
	next    int // number of the next line
	removed int // Buffer.removed when the query began
}

// look appends those lines that match of the next few. It begins again if lines were
// removed since, because the others then have other numbers.
func (b *Buffer) look(matching []*Line, at *cursor, match func(*Line) bool) (_ []*Line, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if at.removed != b.removed {
		matching, *at = nil, cursor{removed: b.removed}
	}
	from := max(at.next-b.dropped, 0)
	until := min(from+linesPerLook, len(b.lines))
	for _, line := range b.lines[min(from, until):until] {
		if match(line) {
			matching = append(matching, line)
		}
	}
	at.next = until + b.dropped
	return matching, until < len(b.lines)
}
