package index

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/topk"
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
type ranked = topk.Row[rowID]

// rowID is the number of a row, and the id of its run.
type rowID struct {
	high, low uint64
	row       int
}

var buffers = sync.Pool{New: func() any { return new([]ranked) }}

// slack is the minimum number of rows beyond those needed that are kept before prune.
const slack = 1024

func newTopK(m *snapshot, q taskrun.Query) *topK {
	buffer := buffers.Get().(*[]ranked) //nolint:errcheck,forcetypeassert // the pool has no other values
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
		t.rank = func(b *block, at uint8) uint64 { return topk.Sortable(b.expected[at]) }
		t.descending = q.Sort == taskrun.SortExpectedStartTimeDesc
	case taskrun.SortNextScheduledStartTimeAsc:
		t.rank = func(b *block, at uint8) uint64 { return topk.Sortable(b.next[at]) }
		t.descending = false
	case taskrun.SortEndTimeDesc:
		t.rank = func(b *block, at uint8) uint64 { return topk.Sortable(b.end[at]) }
	case taskrun.SortNameAsc, taskrun.SortNameDesc:
		t.rank = func(b *block, at uint8) uint64 { return topk.Prefix(b.names[at]) }
		t.byName, t.descending = true, q.Sort == taskrun.SortNameDesc
	case taskrun.SortDurationAsc, taskrun.SortDurationDesc:
		t.rank = func(b *block, at uint8) uint64 { return topk.Sortable(int64(b.duration(at, q.Now))) }
		t.descending = q.Sort == taskrun.SortDurationDesc
	default:
		t.rank = func(b *block, at uint8) uint64 { return b.ids[at].high }
		t.byID = true
	}
}

// duration is orchestration.Progress.EstimatedRunTime, from the columns.
func (b *block) duration(at uint8, now time.Time) time.Duration {
	if since := b.running[at]; since != noTime {
		return orchestration.EstimateRunTime(b.spent[at], time.UnixMicro(since), now)
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
		if t.full && rank > t.worst.Rank {
			continue
		}
		row := t.row(rank, b, at)
		row.Value.row = number*blockSize + int(at)
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
		return ranked{Rank: rank, Value: rowID{high: ^id.low}}
	case t.snapshot.nonUUID:
		return ranked{Rank: rank}
	default:
		return ranked{Rank: rank, Value: rowID{high: id.high, low: id.low}}
	}
}

// prune removes the rows that are not needed.
func (t *topK) prune() {
	topk.MoveFirst(t.kept, t.k, t.equalRanks())
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
		topk.MoveFirst(kept, t.k, t.equalRanks())
		kept = kept[:t.k]
	}
	offset = max(offset, 0)
	if offset >= len(kept) {
		return []*taskrun.Run{}
	}
	topk.MoveFirst(kept, offset, t.equalRanks())
	kept = kept[offset:]
	slices.SortFunc(kept, func(a, b ranked) int { return t.compare(&a, &b) })
	runs := make([]*taskrun.Run, len(kept))
	for i := range kept {
		b, at := t.snapshot.row(kept[i].Value.row)
		runs[i] = b.runs[at]
	}
	return runs
}

// rankBySuffix ranks rows by what follows the common prefix of their names, which is
// often long.
func (t *topK) rankBySuffix(rows []ranked) {
	common := t.snapshot.name(rows[0].Value.row)
	for i := range rows {
		name := t.snapshot.name(rows[i].Value.row)
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
		rows[i].Rank = topk.Prefix(t.snapshot.name(rows[i].Value.row)[len(common):])
		if t.descending {
			rows[i].Rank = ^rows[i].Rank
		}
	}
}

func (t *topK) compare(a, b *ranked) int {
	if a.Rank != b.Rank {
		return cmp.Compare(a.Rank, b.Rank)
	}
	return t.compareEqualRanks(a, b)
}

// equalRanks returns the comparison of rows with equal ranks. Most such rows differ in
// the first half of their ids, which is compared without a further call.
func (t *topK) equalRanks() func(a, b *ranked) int {
	if t.byName {
		return t.compareEqualRanks
	}
	return func(a, b *ranked) int {
		if a.Value.high != b.Value.high {
			return cmp.Compare(a.Value.high, b.Value.high)
		}
		return t.compareEqualRanks(a, b)
	}
}

func (t *topK) compareEqualRanks(a, b *ranked) int {
	if t.byName {
		if order := t.compareNames(a, b); order != 0 {
			return order
		}
	}
	if a.Value.high != b.Value.high {
		return cmp.Compare(a.Value.high, b.Value.high)
	}
	if a.Value.low != b.Value.low || !t.snapshot.nonUUID {
		return cmp.Compare(a.Value.low, b.Value.low)
	}
	return t.compareIDs(a, b)
}

func (t *topK) compareNames(a, b *ranked) int {
	if t.descending {
		a, b = b, a
	}
	return cmp.Compare(t.snapshot.name(a.Value.row), t.snapshot.name(b.Value.row))
}

func (t *topK) compareIDs(a, b *ranked) int {
	ab, aAt := t.snapshot.row(a.Value.row)
	bb, bAt := t.snapshot.row(b.Value.row)
	if t.byID {
		return cmp.Compare(bb.runs[bAt].ID, ab.runs[aAt].ID)
	}
	return cmp.Compare(ab.runs[aAt].ID, bb.runs[bAt].ID)
}
