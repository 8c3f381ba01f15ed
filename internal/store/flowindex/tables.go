package flowindex

import (
	"cmp"
	"iter"
	"time"

	"k8s.io/utils/third_party/forked/golang/btree"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// degree is that of the B-trees: their nodes have up to 63 entries.
const degree = 32

// tables have all flows and runs in the orders of their lookups. Several objects can claim
// one id or name. The one that comes first in the table has it. The others are not returned.
type tables struct {
	flows flowTables
	runs  runTables
}

type flowTables struct {
	byID, byName *btree.BTree[*flowrun.Flow]
}

type runTables struct {
	byID     *btree.BTree[*flowrun.Run]
	byKey    *btree.BTree[*flowrun.Run] // runs with an idempotency key
	byFlow   *btree.BTree[*flowrun.Run]
	byParent *btree.BTree[*flowrun.Run] // runs with a parent task run, the newest last
}

func newTables(registered func(*flowrun.Flow) bool) tables {
	byAge := flowAge(registered)
	return tables{
		flows: flowTables{
			byID:   newTree(by(func(f *flowrun.Flow) string { return f.ID }, byAge)),
			byName: newTree(by(func(f *flowrun.Flow) string { return f.Name }, byAge)),
		},
		runs: runTables{
			byID: newTree(by(runID, runAge)),
			byKey: newTree(by(flowID, by(func(r *flowrun.Run) string {
				key, _ := r.Key()
				return key.IdempotencyKey
			}, runAge))),
			byFlow: newTree(by(flowID, by(runID, runAge))),
			byParent: newTree(by(func(r *flowrun.Run) string { return r.ParentTaskRunID }, func(a, b *flowrun.Run) int {
				if order := a.Created.Compare(b.Created); order != 0 {
					return order
				}
				return by(runID, runAge)(a, b)
			})),
		},
	}
}

func runID(r *flowrun.Run) string { return r.ID }

func flowID(r *flowrun.Run) string { return r.FlowID }

// by orders entries by a text, and those of one text by another order.
func by[T any](text func(T) string, then func(a, b T) int) func(a, b T) int {
	return func(a, b T) int {
		if order := cmp.Compare(text(a), text(b)); order != 0 {
			return order
		}
		return then(a, b)
	}
}

func newTree[T any](compare func(a, b T) int) *btree.BTree[T] {
	return btree.New(degree, func(a, b T) bool { return compare(a, b) < 0 })
}

// flowAge orders flows that claim the same id or name: those that were registered over
// REST come first, whatever time of creation an object claims. A flow to look for has no
// UID, and comes before all.
func flowAge(registered func(*flowrun.Flow) bool) func(a, b *flowrun.Flow) int {
	rank := func(flow *flowrun.Flow) int {
		switch {
		case flow.Ref.UID == "":
			return 0
		case registered(flow):
			return 1
		default:
			return 2
		}
	}
	return func(a, b *flowrun.Flow) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Created.Compare(b.Created), cmp.Compare(a.Ref.UID, b.Ref.UID))
	}
}

// runAge orders runs that claim the same id or key: first the object whose UID is the id,
// then the one whose name is, whatever time of creation an object claims. A run to look for
// has no UID, and comes before all.
func runAge(a, b *flowrun.Run) int {
	return cmp.Or(cmp.Compare(runRank(a), runRank(b)), a.Created.Compare(b.Created), cmp.Compare(a.Ref.UID, b.Ref.UID))
}

func runRank(run *flowrun.Run) int {
	switch run.Ref.UID {
	case "":
		return 0
	case run.ID:
		return 1
	}
	if run.Ref.Name == run.ID {
		return 2
	}
	return 3
}

// clone returns a copy, which later changes of the tables do not change.
func (t *tables) clone() tables {
	return tables{
		flows: flowTables{byID: t.flows.byID.Clone(), byName: t.flows.byName.Clone()},
		runs: runTables{
			byID: t.runs.byID.Clone(), byKey: t.runs.byKey.Clone(), byFlow: t.runs.byFlow.Clone(), byParent: t.runs.byParent.Clone(),
		},
	}
}

func (f *flowTables) put(flow *flowrun.Flow) {
	f.byID.ReplaceOrInsert(flow)
	f.byName.ReplaceOrInsert(flow)
}

func (f *flowTables) remove(flow *flowrun.Flow) {
	f.byID.Delete(flow)
	f.byName.Delete(flow)
}

// first returns the first entry from pivot on, nil if there is none. The fields of pivot
// that are not looked for are their least values.
func first[T any](tree *btree.BTree[*T], pivot *T) (found *T) {
	tree.AscendGreaterOrEqual(pivot, func(entry *T) bool {
		found = entry
		return false
	})
	return found
}

// id returns the flow with an id.
func (f *flowTables) id(id string) *flowrun.Flow {
	flow := first(f.byID, &flowrun.Flow{ID: id})
	if flow == nil || flow.ID != id || f.holder(flow.Name) != flow {
		return nil
	}
	return flow
}

// name returns the flow with a name.
func (f *flowTables) name(name string) *flowrun.Flow {
	flow := f.holder(name)
	if flow == nil || first(f.byID, &flowrun.Flow{ID: flow.ID}) != flow {
		return nil
	}
	return flow
}

// holder returns the first flow with a name.
func (f *flowTables) holder(name string) *flowrun.Flow {
	if flow := first(f.byName, &flowrun.Flow{Name: name}); flow != nil && flow.Name == name {
		return flow
	}
	return nil
}

func (r *runTables) put(run *flowrun.Run) {
	r.byID.ReplaceOrInsert(run)
	r.byFlow.ReplaceOrInsert(run)
	if run.IdempotencyKey != nil {
		r.byKey.ReplaceOrInsert(run)
	}
	if run.ParentTaskRunID != "" {
		r.byParent.ReplaceOrInsert(run)
	}
}

func (r *runTables) remove(run *flowrun.Run) {
	r.byID.Delete(run)
	r.byFlow.Delete(run)
	if run.IdempotencyKey != nil {
		r.byKey.Delete(run)
	}
	if run.ParentTaskRunID != "" {
		r.byParent.Delete(run)
	}
}

// id returns the run with an id.
func (r *runTables) id(id string) *flowrun.Run {
	if run := first(r.byID, &flowrun.Run{ID: id}); run != nil && run.ID == id {
		return run
	}
	return nil
}

// key returns the run with a key.
func (r *runTables) key(key flowrun.Key) (found *flowrun.Run) {
	pivot := &flowrun.Run{FlowID: key.FlowID, IdempotencyKey: &key.IdempotencyKey}
	r.byKey.AscendGreaterOrEqual(pivot, func(run *flowrun.Run) bool {
		if got, _ := run.Key(); got != key {
			return false
		}
		if r.id(run.ID) == run {
			found = run
		}
		return found == nil
	})
	return found
}

// subflows yields the runs of a parent task run, the newest first.
func (r *runTables) subflows(taskRunID string) iter.Seq[*flowrun.Run] {
	return func(yield func(*flowrun.Run) bool) {
		pivot := &flowrun.Run{ParentTaskRunID: taskRunID, Created: endOfTime}
		r.byParent.DescendLessOrEqual(pivot, func(run *flowrun.Run) bool {
			if run.ParentTaskRunID != taskRunID {
				return false
			}
			return r.id(run.ID) != run || yield(run)
		})
	}
}

// endOfTime is later than every run.
var endOfTime = time.Date(10_000, time.January, 1, 0, 0, 0, 0, time.UTC)
