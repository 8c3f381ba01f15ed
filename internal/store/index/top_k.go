package index

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

// topK finds the runs of a page without sorting the others: of all rows that are added
// it keeps the first k in the order of the query.
type topK struct {
	snapshot   *snapshot
	rank       func(b *block, at uint8) uint64
	byName     bool // ranks are prefixes of names: equal ones need a comparison of the names
	byID       bool // ranks are ids themselves
	descending bool
	k          int // number of rows that are needed

	kept   []ranked
	full   bool   // k rows were kept once
	worst  ranked // full: rows after it are not needed
	buffer *[]ranked
}

// ranked is a row with its sort keys: the rank, then the id. With byName, the name is
// between them.
type ranked struct {
	rank      uint64
	high, low uint64
	row       int
}

var buffers = sync.Pool{New: func() any { return new([]ranked) }}

// slack is the minimum number of rows beyond those needed that are kept before prune.
const slack = 1024

func newTopK(m *snapshot, q taskrun.Query) *topK {
	buffer := buffers.Get().(*[]ranked) //nolint:errcheck,forcetypeassert // nothing else is in there
	t := &topK{snapshot: m, buffer: buffer, kept: (*buffer)[:0]}
	if limit := max(q.Limit, 0); limit > 0 && q.Offset < m.size {
		t.k = min(max(q.Offset, 0)+min(limit, m.size), m.size)
	}
	t.kept = slices.Grow(t.kept, min(2*t.k+slack, m.size))
	t.order(q)
	return t
}

// done releases the buffer.
func (t *topK) done() {
	*t.buffer = t.kept[:0]
	buffers.Put(t.buffer)
}

// order sets the sort keys of the query (see taskrun.Sort).
func (t *topK) order(q taskrun.Query) {
	t.descending = true
	switch q.Sort {
	case taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc:
		t.rank = func(b *block, at uint8) uint64 { return sortable(b.expected[at]) }
		t.descending = q.Sort == taskrun.SortExpectedStartTimeDesc
	case taskrun.SortNextScheduledStartTimeAsc:
		t.rank = func(b *block, at uint8) uint64 { return sortable(b.next[at]) }
		t.descending = false
	case taskrun.SortEndTimeDesc:
		t.rank = func(b *block, at uint8) uint64 { return sortable(b.end[at]) }
	case taskrun.SortNameAsc, taskrun.SortNameDesc:
		t.rank = func(b *block, at uint8) uint64 { return prefix64(b.names[at]) }
		t.byName, t.descending = true, q.Sort == taskrun.SortNameDesc
	case taskrun.SortDurationAsc, taskrun.SortDurationDesc:
		t.rank = func(b *block, at uint8) uint64 { return sortable(int64(b.duration(at, q.Now))) }
		t.descending = q.Sort == taskrun.SortDurationDesc
	default:
		t.rank = func(b *block, at uint8) uint64 { return b.ids[at].high }
		t.byID = true
	}
}

// sortable maps integers to unsigned ones in the same order.
func sortable(n int64) uint64 { return uint64(n) ^ 1<<63 } //nolint:gosec // all bits are wanted

// prefix64 returns the first eight bytes of a name. Where two differ, they compare as
// the names do.
func prefix64(name string) uint64 {
	if len(name) >= 8 {
		return binary.BigEndian.Uint64([]byte(name[:8]))
	}
	var b [8]byte
	copy(b[:], name)
	return binary.BigEndian.Uint64(b[:])
}

// duration is taskrun.Run.EstimatedRunTime, from the columns.
func (b *block) duration(at uint8, now time.Time) time.Duration {
	if since := b.running[at]; since != noTime {
		return taskrun.EstimateRunTime(b.spent[at], time.UnixMicro(since), now)
	}
	return max(b.spent[at], 0)
}

// add adds rows of a block.
func (t *topK) add(number int, b *block, offsets []uint8) {
	for _, at := range offsets {
		rank := t.rank(b, at)
		if t.descending {
			rank = ^rank
		}
		if t.full && rank > t.worst.rank {
			continue
		}
		row := t.row(rank, b, at)
		row.row = number*blockSize + int(at)
		if t.full && t.compare(&row, &t.worst) > 0 {
			continue
		}
		t.kept = append(t.kept, row)
		if len(t.kept) >= 2*t.k+slack {
			t.prune()
		}
	}
}

func (t *topK) row(rank uint64, b *block, at uint8) ranked {
	id := b.ids[at]
	switch {
	case t.byID && t.snapshot.nonUUID:
		return ranked{} // the texts have to be compared
	case t.byID:
		return ranked{rank: rank, high: ^id.low}
	case t.snapshot.nonUUID:
		return ranked{rank: rank}
	default:
		return ranked{rank: rank, high: id.high, low: id.low}
	}
}

// prune removes the rows that are not needed.
func (t *topK) prune() {
	t.partition(t.kept, t.k)
	t.kept = t.kept[:t.k]
	t.worst = slices.MaxFunc(t.kept, func(a, b ranked) int { return t.compare(&a, &b) })
	t.full = true
}

// runs returns the runs of the page, in order.
func (t *topK) runs(offset int) []*taskrun.Run {
	kept := t.kept
	if t.byName && len(kept) > slack {
		t.rankBySuffix(kept)
	}
	if len(kept) > t.k {
		t.partition(kept, t.k)
		kept = kept[:t.k]
	}
	offset = max(offset, 0)
	if offset >= len(kept) {
		return []*taskrun.Run{}
	}
	t.partition(kept, offset)
	kept = kept[offset:]
	slices.SortFunc(kept, func(a, b ranked) int { return t.compare(&a, &b) })
	runs := make([]*taskrun.Run, len(kept))
	for i := range kept {
		b, at := t.snapshot.row(kept[i].row)
		runs[i] = b.runs[at]
	}
	return runs
}

// rankBySuffix ranks rows by what follows the common prefix of their names, which is
// often long.
func (t *topK) rankBySuffix(rows []ranked) {
	common := t.snapshot.name(rows[0].row)
	for i := range rows {
		name := t.snapshot.name(rows[i].row)
		if strings.HasPrefix(name, common) {
			continue
		}
		n := 0
		for n < min(len(name), len(common)) && name[n] == common[n] {
			n++
		}
		common = common[:n]
	}
	for i := range rows {
		rows[i].rank = prefix64(t.snapshot.name(rows[i].row)[len(common):])
		if t.descending {
			rows[i].rank = ^rows[i].rank
		}
	}
}

func (t *topK) compare(a, b *ranked) int {
	if a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank)
	}
	if t.byName {
		if order := t.compareNames(a, b); order != 0 {
			return order
		}
	}
	if a.high != b.high {
		return cmp.Compare(a.high, b.high)
	}
	if a.low != b.low || !t.snapshot.nonUUID {
		return cmp.Compare(a.low, b.low)
	}
	return t.compareIDs(a, b)
}

func (t *topK) compareNames(a, b *ranked) int {
	if t.descending {
		a, b = b, a
	}
	return cmp.Compare(t.snapshot.name(a.row), t.snapshot.name(b.row))
}

func (t *topK) compareIDs(a, b *ranked) int {
	ab, aAt := t.snapshot.row(a.row)
	bb, bAt := t.snapshot.row(b.row)
	if t.byID {
		return cmp.Compare(bb.runs[bAt].ID, ab.runs[aAt].ID)
	}
	return cmp.Compare(ab.runs[aAt].ID, bb.runs[bAt].ID)
}

// sortLimit is the number of rows up to which partition sorts them all.
const sortLimit = 24

// partition moves the first n rows to the front, in no order (quickselect). After too
// many uneven splits it sorts, so that no order of rows makes it slow.
func (t *topK) partition(rows []ranked, n int) {
	compare := func(a, b ranked) int { return t.compare(&a, &b) }
	for tries := 2 * bits.Len(uint(len(rows))); n > 0 && n < len(rows); tries-- {
		if len(rows) <= sortLimit || tries == 0 {
			slices.SortFunc(rows, compare)
			return
		}
		middle := t.split(rows)
		switch {
		case n <= middle:
			rows = rows[:middle]
		default:
			rows, n = rows[middle:], n-middle
		}
	}
}

// split moves rows so that each row before the returned index precedes or equals each
// row from it on. Neither part is empty.
func (t *topK) split(rows []ranked) int {
	pivot := t.median(rows)
	i, j := -1, len(rows)
	for {
		for i++; t.compare(&rows[i], &pivot) < 0; {
			i++
		}
		for j--; t.compare(&rows[j], &pivot) > 0; {
			j--
		}
		if i >= j {
			return j + 1
		}
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// median returns the median of three rows. It is not the last of rows.
func (t *topK) median(rows []ranked) ranked {
	first, middle, last := &rows[0], &rows[len(rows)/2], &rows[len(rows)-1]
	if t.compare(middle, first) < 0 {
		*middle, *first = *first, *middle
	}
	if t.compare(last, middle) < 0 {
		*last, *middle = *middle, *last
		if t.compare(middle, first) < 0 {
			*middle, *first = *first, *middle
		}
	}
	return *middle
}
