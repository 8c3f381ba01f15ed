package index

import (
	"crypto/sha256"
	"math"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// rows are the runs that queries see, in no order. What queries compare is stored in
// columns, so that a scan of all runs reads little memory: a run itself is read only
// if it is part of the result. The lock of the NamespaceIndex guards rows. A snapshot
// needs no lock.
type rows struct {
	blocks  []*block
	entries []*entry // by row
	nonUUID int      // number of ids that are not UUIDs, see orderID

	states dictionary[stateKey]
	tags   dictionary[string]
	flows  dictionary[string]

	subscribers []*subscriber

	epoch  uint64    // number of snapshots taken
	latest *snapshot // nil: a row changed since
}

// blockSize is the number of rows of a block. Snapshots share blocks: a write after a
// snapshot copies one.
const blockSize = 128

// block holds the columns of blockSize rows. A block of a snapshot is never changed,
// but replaced by a copy.
type block struct {
	epoch uint64 // of the rows when it was created
	runs  [blockSize]*taskrun.Run
	names [blockSize]string
	ids   [blockSize]orderedID

	// Times in microseconds since 1970, or noTime.
	expected [blockSize]int64
	next     [blockSize]int64
	start    [blockSize]int64
	end      [blockSize]int64
	changed  [blockSize]int64 // taskrun.Run.LastRecorded

	spent   [blockSize]time.Duration // in RUNNING, without the current state
	running [blockSize]int64         // start of RUNNING in microseconds; noTime: not running

	states [blockSize]uint32 // code of the current state's type and name
	tags   [blockSize]uint32 // code of the tags
	flows  [blockSize]uint32 // code of the flow run's id
}

// noTime is the value of a time that is not set: later than all others.
const noTime = math.MaxInt64

// noRow is the row of an entry that queries do not see.
const noRow = -1

// stateKey is what filters compare of a state.
type stateKey struct {
	exists bool
	kind   orchestration.StateType
	name   string
}

func newRows() rows {
	return rows{
		states: newDictionary[stateKey](),
		tags:   newDictionary[string](),
		flows:  newDictionary[string](),
	}
}

// show makes an entry's run visible, or replaces it by its newer version.
func (r *rows) show(e *entry) {
	if e.row == noRow {
		e.row = len(r.entries)
		r.entries = append(r.entries, e)
		if e.row/blockSize == len(r.blocks) {
			r.blocks = append(r.blocks, &block{epoch: r.epoch})
		}
		r.set(e.row, e.run)
		r.notify(nil, e.run)
		return
	}
	b, at := r.blocks[e.row/blockSize], e.row%blockSize
	if old := b.runs[at]; old != e.run {
		states, tags, flows := b.states[at], b.tags[at], b.flows[at]
		r.forgetID(old)
		r.set(e.row, e.run)
		r.release(states, tags, flows) // last, so that a value that stays keeps its code
		r.notify(old, e.run)
	}
}

// hide removes an entry's run. The last row takes its row.
func (r *rows) hide(e *entry) {
	if e.row == noRow {
		return
	}
	b, at := r.writable(e.row)
	removed := b.runs[at]
	r.forgetID(removed)
	r.release(b.states[at], b.tags[at], b.flows[at])
	last := len(r.entries) - 1
	from, lastAt := r.writable(last)
	if e.row != last {
		b.copyRow(at, from, lastAt)
		r.entries[e.row] = r.entries[last]
		r.entries[e.row].row = e.row
	}
	from.copyRow(lastAt, &emptyBlock, 0) // releases the run
	r.entries[last] = nil
	r.entries = r.entries[:last]
	if lastAt == 0 {
		r.blocks[len(r.blocks)-1] = nil
		r.blocks = r.blocks[:len(r.blocks)-1]
	}
	e.row = noRow
	r.notify(removed, nil)
}

// writable returns the block of a row, which no snapshot uses, and the offset of the
// row in it.
func (r *rows) writable(row int) (*block, int) {
	r.latest = nil
	b := r.blocks[row/blockSize]
	if b.epoch != r.epoch {
		own := *b
		own.epoch = r.epoch
		b = &own
		r.blocks[row/blockSize] = b
	}
	return b, row % blockSize
}

func (r *rows) set(row int, run *taskrun.Run) {
	b, at := r.writable(row)
	b.runs[at], b.names[at] = run, run.Name
	id, isUUID := orderID(run.ID)
	if !isUUID {
		r.nonUUID++
	}
	b.ids[at] = id
	b.expected[at], b.next[at] = micros(run.ExpectedStartTime), micros(run.NextScheduledStartTime)
	b.start[at], b.end[at] = micros(run.StartTime), micros(run.EndTime)
	b.changed[at] = run.LastRecorded().UnixMicro()
	b.spent[at], b.running[at] = run.TotalRunTime, noTime
	key := stateKey{}
	if state := run.State; state != nil {
		key = stateKey{exists: true, kind: state.Type, name: state.Name}
		if state.Type == orchestration.Running {
			b.running[at] = state.Timestamp.UnixMicro()
		}
	}
	b.states[at] = r.states.code(key)
	b.tags[at] = r.tags.code(tagsKey(run.Tags))
	b.flows[at] = r.flows.code(run.FlowRunID)
}

// tagsKey returns a text that only equal tags have. That of long tags is a digest: the
// tags themselves are in memory already.
func tagsKey(tags []string) string {
	text := appendTexts(nil, tags)
	if len(text) <= sha256.Size {
		return string(text)
	}
	digest := sha256.Sum256(text)
	return "\xff" + string(digest[:]) // longer than any other text
}

func (r *rows) forgetID(run *taskrun.Run) {
	if _, isUUID := orderID(run.ID); !isUUID {
		r.nonUUID--
	}
}

func (r *rows) release(states, tags, flows uint32) {
	r.states.release(states)
	r.tags.release(tags)
	r.flows.release(flows)
}

// emptyBlock has rows without runs.
var emptyBlock block

// copyRow copies a row of a block.
func (b *block) copyRow(at int, from *block, fromAt int) {
	b.runs[at], b.names[at], b.ids[at] = from.runs[fromAt], from.names[fromAt], from.ids[fromAt]
	b.expected[at], b.next[at] = from.expected[fromAt], from.next[fromAt]
	b.start[at], b.end[at] = from.start[fromAt], from.end[fromAt]
	b.changed[at] = from.changed[fromAt]
	b.spent[at], b.running[at] = from.spent[fromAt], from.running[fromAt]
	b.states[at], b.tags[at], b.flows[at] = from.states[fromAt], from.tags[fromAt], from.flows[fromAt]
}

// snapshot returns the rows as they are now.
func (r *rows) snapshot() *snapshot {
	if r.latest == nil {
		r.latest = &snapshot{
			blocks: slices.Clone(r.blocks), size: len(r.entries), nonUUID: r.nonUUID > 0,
			states: r.states.count(), tags: r.tags.count(), flows: r.flows.count(),
		}
		r.epoch++ // the snapshot has every block now
	}
	return r.latest
}

func micros(t *time.Time) int64 {
	if t == nil {
		return noTime
	}
	return t.UnixMicro()
}
