package logs

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
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
	lines   []*Line // in order of arrival
	dropped int     // number of older lines that were dropped
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
	for next, more := 0, true; more; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		matching, next, more = b.look(matching, next, match)
	}
	return matching, nil
}

// look appends the matching lines of the next lines from a number on.
func (b *Buffer) look(matching []*Line, from int, match func(*Line) bool) (_ []*Line, next int, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from = max(from-b.dropped, 0)
	until := min(from+linesPerLook, len(b.lines))
	for _, line := range b.lines[min(from, until):until] {
		if match(line) {
			matching = append(matching, line)
		}
	}
	return matching, until + b.dropped, until < len(b.lines)
}
