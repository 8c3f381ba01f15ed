package kube

import (
	"crypto/sha256"
	"math"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// rows are the runs that queries see, side by side and in no order. What
// queries look at stands in columns, so that a look at all runs touches little
// memory: a run itself is fetched only when it is part of an answer. The lock of
// the shelf guards rows; a moment, once taken, needs none.
type rows struct {
	blocks  []*block
	entries []*entry // by place
	odd     int      // how many ids are no UUIDs in the usual spelling

	states classes[stateClass]
	tags   classes[string]
	flows  classes[string]

	followers []*follower

	age    uint64  // counts the moments
	latest *moment // nil: something changed since
}

// perBlock is how many rows stand together: so many are copied when one of them
// changes after a moment was taken, and so many moments share otherwise.
const perBlock = 128

// block holds the columns of some rows. One that a moment has is not changed any
// more, but replaced by a copy.
type block struct {
	age   uint64 // of the rows when it was made
	runs  [perBlock]*taskrun.Run
	names [perBlock]string
	ids   [perBlock]orderedID

	// Times in microseconds since 1970; missing ones are missing.
	expected [perBlock]int64
	next     [perBlock]int64
	start    [perBlock]int64
	end      [perBlock]int64
	changed  [perBlock]int64 // taskrun.Run.LastRecorded

	spent   [perBlock]time.Duration // in RUNNING, but for the current state
	running [perBlock]int64         // since when, in microseconds; missing: it is not

	states [perBlock]uint32 // class of the current state's type and name
	tags   [perBlock]uint32 // class of the tags
	flows  [perBlock]uint32 // class of the flow run's id
}

// missing stands for a time that is not there: later than all others.
const missing = math.MaxInt64

// nowhere is the place of an entry that is not visible.
const nowhere = -1

// stateClass is what filters ask of a state.
type stateClass struct {
	there bool
	kind  orchestration.StateType
	name  string
}

func newRows() rows {
	return rows{
		states: newClasses[stateClass](),
		tags:   newClasses[string](),
		flows:  newClasses[string](),
	}
}

// show makes an entry's run visible, or its newer version if it was.
func (r *rows) show(e *entry) {
	if e.place == nowhere {
		e.place = len(r.entries)
		r.entries = append(r.entries, e)
		if e.place/perBlock == len(r.blocks) {
			r.blocks = append(r.blocks, &block{age: r.age})
		}
		r.set(e.place, e.run)
		r.tell(nil, e.run)
		return
	}
	b, at := r.blocks[e.place/perBlock], e.place%perBlock
	if old := b.runs[at]; old != e.run {
		states, tags, flows := b.states[at], b.tags[at], b.flows[at]
		r.forgetID(old)
		r.set(e.place, e.run)
		r.release(states, tags, flows) // last, so that a class that stays keeps its number
		r.tell(old, e.run)
	}
}

// hide takes an entry's run out, and fills the gap with the last one.
func (r *rows) hide(e *entry) {
	if e.place == nowhere {
		return
	}
	b, at := r.writable(e.place)
	gone := b.runs[at]
	r.forgetID(gone)
	r.release(b.states[at], b.tags[at], b.flows[at])
	last := len(r.entries) - 1
	from, lastAt := r.writable(last)
	if e.place != last {
		b.take(at, from, lastAt)
		r.entries[e.place] = r.entries[last]
		r.entries[e.place].place = e.place
	}
	from.take(lastAt, &noRows, 0) // lets go of the run
	r.entries[last] = nil
	r.entries = r.entries[:last]
	if lastAt == 0 {
		r.blocks[len(r.blocks)-1] = nil
		r.blocks = r.blocks[:len(r.blocks)-1]
	}
	e.place = nowhere
	r.tell(gone, nil)
}

// writable returns the block of a place, which no moment has, and where in it
// the place is.
func (r *rows) writable(place int) (*block, int) {
	r.latest = nil
	b := r.blocks[place/perBlock]
	if b.age != r.age {
		own := *b
		own.age = r.age
		b = &own
		r.blocks[place/perBlock] = b
	}
	return b, place % perBlock
}

func (r *rows) set(place int, run *taskrun.Run) {
	b, at := r.writable(place)
	b.runs[at], b.names[at] = run, run.Name
	id, usual := orderID(run.ID)
	if !usual {
		r.odd++
	}
	b.ids[at] = id
	b.expected[at], b.next[at] = micros(run.ExpectedStartTime), micros(run.NextScheduledStartTime)
	b.start[at], b.end[at] = micros(run.StartTime), micros(run.EndTime)
	b.changed[at] = run.LastRecorded().UnixMicro()
	b.spent[at], b.running[at] = run.TotalRunTime, missing
	class := stateClass{}
	if state := run.State; state != nil {
		class = stateClass{there: true, kind: state.Type, name: state.Name}
		if state.Type == orchestration.Running {
			b.running[at] = state.Timestamp.UnixMicro()
		}
	}
	b.states[at] = r.states.number(class)
	b.tags[at] = r.tags.number(tagsClass(run.Tags))
	b.flows[at] = r.flows.number(run.FlowRunID)
}

// tagsClass returns a text that only equal tags have. That of long tags is a digest:
// the tags themselves are in memory already.
func tagsClass(tags []string) string {
	text := appendTexts(nil, tags)
	if len(text) <= sha256.Size {
		return string(text)
	}
	digest := sha256.Sum256(text)
	return "\xff" + string(digest[:]) // longer than any other text
}

func (r *rows) forgetID(run *taskrun.Run) {
	if _, usual := orderID(run.ID); !usual {
		r.odd--
	}
}

func (r *rows) release(states, tags, flows uint32) {
	r.states.release(states)
	r.tags.release(tags)
	r.flows.release(flows)
}

// noRows has a row that refers to nothing.
var noRows block

// take copies a row.
func (b *block) take(at int, from *block, fromAt int) {
	b.runs[at], b.names[at], b.ids[at] = from.runs[fromAt], from.names[fromAt], from.ids[fromAt]
	b.expected[at], b.next[at] = from.expected[fromAt], from.next[fromAt]
	b.start[at], b.end[at] = from.start[fromAt], from.end[fromAt]
	b.changed[at] = from.changed[fromAt]
	b.spent[at], b.running[at] = from.spent[fromAt], from.running[fromAt]
	b.states[at], b.tags[at], b.flows[at] = from.states[fromAt], from.tags[fromAt], from.flows[fromAt]
}

// moment returns what the rows are now, for as long as anybody wants it.
func (r *rows) moment() *moment {
	if r.latest == nil {
		r.latest = &moment{
			blocks: slices.Clone(r.blocks), size: len(r.entries), odd: r.odd > 0,
			states: r.states.count(), tags: r.tags.count(), flows: r.flows.count(),
		}
		r.age++ // every block is shared now
	}
	return r.latest
}

func micros(t *time.Time) int64 {
	if t == nil {
		return missing
	}
	return t.UnixMicro()
}
