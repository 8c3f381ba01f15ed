package kube

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// choice finds the runs of a page without sorting the others: of all rows that
// it is given it keeps the first ones in the order of the query, as many as are needed.
type choice struct {
	moment  *moment
	rank    func(b *block, at uint8) uint64
	byName  bool // ranks are beginnings of names: equal ones need another look
	byID    bool // ranks are ids themselves
	falling bool
	most    int // how many rows are needed

	kept []ranked
	full bool   // most were kept once
	last ranked // full: what comes after it is not needed
	pool *[]ranked
}

// ranked is a row with what it is sorted by: rank, then, but for the order of
// names, id.
type ranked struct {
	rank      uint64
	high, low uint64
	place     int
}

var rooms = sync.Pool{New: func() any { return new([]ranked) }}

// spare is how many more rows than needed are kept at least before they are
// thinned out.
const spare = 1024

func newChoice(m *moment, q taskrun.Query) *choice {
	pool := rooms.Get().(*[]ranked) //nolint:errcheck,forcetypeassert // nothing else is in there
	c := &choice{moment: m, pool: pool, kept: (*pool)[:0]}
	if limit := max(q.Limit, 0); limit > 0 && q.Offset < m.size {
		c.most = min(max(q.Offset, 0)+min(limit, m.size), m.size)
	}
	c.kept = slices.Grow(c.kept, min(2*c.most+spare, m.size))
	c.order(q)
	return c
}

// done gives the room back.
func (c *choice) done() {
	*c.pool = c.kept[:0]
	rooms.Put(c.pool)
}

// order takes over what the query sorts by (see taskrun.Sort).
func (c *choice) order(q taskrun.Query) {
	c.falling = true
	switch q.Sort {
	case taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc:
		c.rank = func(b *block, at uint8) uint64 { return rising(b.expected[at]) }
		c.falling = q.Sort == taskrun.SortExpectedStartTimeDesc
	case taskrun.SortNextScheduledStartTimeAsc:
		c.rank = func(b *block, at uint8) uint64 { return rising(b.next[at]) }
		c.falling = false
	case taskrun.SortEndTimeDesc:
		c.rank = func(b *block, at uint8) uint64 { return rising(b.end[at]) }
	case taskrun.SortNameAsc, taskrun.SortNameDesc:
		c.rank = func(b *block, at uint8) uint64 { return beginning(b.names[at]) }
		c.byName, c.falling = true, q.Sort == taskrun.SortNameDesc
	case taskrun.SortDurationAsc, taskrun.SortDurationDesc:
		c.rank = func(b *block, at uint8) uint64 { return rising(int64(b.duration(at, q.Now))) }
		c.falling = q.Sort == taskrun.SortDurationDesc
	default:
		c.rank = func(b *block, at uint8) uint64 { return b.ids[at].high }
		c.byID = true
	}
}

// rising maps numbers so that they compare without their sign.
func rising(n int64) uint64 { return uint64(n) ^ 1<<63 } //nolint:gosec // all bits are wanted

// beginning is what a name begins with; where two differ in it, they differ as
// the names do.
func beginning(name string) uint64 {
	if len(name) >= 8 {
		return binary.BigEndian.Uint64([]byte(name[:8]))
	}
	var b [8]byte
	copy(b[:], name)
	return binary.BigEndian.Uint64(b[:])
}

// duration is taskrun.Run's EstimatedRunTime.
func (b *block) duration(at uint8, now time.Time) time.Duration {
	if since := b.running[at]; since != missing {
		return taskrun.EstimateRunTime(b.spent[at], time.UnixMicro(since), now)
	}
	return max(b.spent[at], 0)
}

// add takes rows of a block into account.
func (c *choice) add(number int, b *block, places []uint8) {
	for _, at := range places {
		rank := c.rank(b, at)
		if c.falling {
			rank = ^rank
		}
		if c.full && rank > c.last.rank {
			continue
		}
		row := c.row(rank, b, at)
		row.place = number*perBlock + int(at)
		if c.full && c.compare(&row, &c.last) > 0 {
			continue
		}
		c.kept = append(c.kept, row)
		if len(c.kept) >= 2*c.most+spare {
			c.thin()
		}
	}
}

func (c *choice) row(rank uint64, b *block, at uint8) ranked {
	id := b.ids[at]
	switch {
	case c.byID && c.moment.odd:
		return ranked{} // only the texts tell
	case c.byID:
		return ranked{rank: rank, high: ^id.low}
	case c.moment.odd:
		return ranked{rank: rank}
	default:
		return ranked{rank: rank, high: id.high, low: id.low}
	}
}

// thin drops what is not needed.
func (c *choice) thin() {
	c.first(c.kept, c.most)
	c.kept = c.kept[:c.most]
	c.last = slices.MaxFunc(c.kept, func(a, b ranked) int { return c.compare(&a, &b) })
	c.full = true
}

// runs returns the runs of the page, in order.
func (c *choice) runs(offset int) []*taskrun.Run {
	kept := c.kept
	if c.byName && len(kept) > spare {
		c.rankApart(kept)
	}
	if len(kept) > c.most {
		c.first(kept, c.most)
		kept = kept[:c.most]
	}
	offset = max(offset, 0)
	if offset >= len(kept) {
		return []*taskrun.Run{}
	}
	c.first(kept, offset)
	kept = kept[offset:]
	slices.SortFunc(kept, func(a, b ranked) int { return c.compare(&a, &b) })
	runs := make([]*taskrun.Run, len(kept))
	for i := range kept {
		b, at := c.moment.row(kept[i].place)
		runs[i] = b.runs[at]
	}
	return runs
}

// rankApart ranks rows by what comes after the beginning that all their names
// have: names are often long alike.
func (c *choice) rankApart(rows []ranked) {
	alike := c.moment.name(rows[0].place)
	for i := range rows {
		name := c.moment.name(rows[i].place)
		if strings.HasPrefix(name, alike) {
			continue
		}
		n := 0
		for n < min(len(name), len(alike)) && name[n] == alike[n] {
			n++
		}
		alike = alike[:n]
	}
	for i := range rows {
		rows[i].rank = beginning(c.moment.name(rows[i].place)[len(alike):])
		if c.falling {
			rows[i].rank = ^rows[i].rank
		}
	}
}

func (c *choice) compare(a, b *ranked) int {
	if a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank)
	}
	if c.byName {
		if order := c.compareNames(a, b); order != 0 {
			return order
		}
	}
	if a.high != b.high {
		return cmp.Compare(a.high, b.high)
	}
	if a.low != b.low || !c.moment.odd {
		return cmp.Compare(a.low, b.low)
	}
	return c.compareIDs(a, b)
}

func (c *choice) compareNames(a, b *ranked) int {
	if c.falling {
		a, b = b, a
	}
	return cmp.Compare(c.moment.name(a.place), c.moment.name(b.place))
}

func (c *choice) compareIDs(a, b *ranked) int {
	ab, aAt := c.moment.row(a.place)
	bb, bAt := c.moment.row(b.place)
	if c.byID {
		return cmp.Compare(bb.runs[bAt].ID, ab.runs[aAt].ID)
	}
	return cmp.Compare(ab.runs[aAt].ID, bb.runs[bAt].ID)
}

// few rows are sorted at once.
const few = 24

// first brings the n first rows to the front, in no order. If the parts turn
// out badly again and again, it sorts, so that no order of rows makes it slow.
func (c *choice) first(rows []ranked, n int) {
	compare := func(a, b ranked) int { return c.compare(&a, &b) }
	for tries := 2 * bits.Len(uint(len(rows))); n > 0 && n < len(rows); tries-- {
		if len(rows) <= few || tries == 0 {
			slices.SortFunc(rows, compare)
			return
		}
		middle := c.split(rows)
		switch {
		case n <= middle:
			rows = rows[:middle]
		default:
			rows, n = rows[middle:], n-middle
		}
	}
}

// split moves rows so that none before the returned index comes after one that
// is not before it. Neither part is empty.
func (c *choice) split(rows []ranked) int {
	pivot := c.median(rows)
	i, j := -1, len(rows)
	for {
		for i++; c.compare(&rows[i], &pivot) < 0; {
			i++
		}
		for j--; c.compare(&rows[j], &pivot) > 0; {
			j--
		}
		if i >= j {
			return j + 1
		}
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// median returns the median of three rows; it is not the last of rows.
func (c *choice) median(rows []ranked) ranked {
	first, middle, last := &rows[0], &rows[len(rows)/2], &rows[len(rows)-1]
	if c.compare(middle, first) < 0 {
		*middle, *first = *first, *middle
	}
	if c.compare(last, middle) < 0 {
		*last, *middle = *middle, *last
		if c.compare(middle, first) < 0 {
			*middle, *first = *first, *middle
		}
	}
	return *middle
}
