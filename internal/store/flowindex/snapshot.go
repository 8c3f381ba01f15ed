package flowindex

import (
	"iter"

	"k8s.io/utils/third_party/forked/golang/btree"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// snapshot is a flowrun.Snapshot. Its tables never change.
type snapshot struct{ tables tables }

var _ flowrun.Snapshot = (*snapshot)(nil)

// Flows yields the flows by id.
func (s *snapshot) Flows() iter.Seq[*flowrun.Flow] {
	return func(yield func(*flowrun.Flow) bool) {
		var last string
		some := false
		s.tables.flows.byID.Ascend(func(flow *flowrun.Flow) bool {
			if some && flow.ID == last { // a younger object claims the id
				return true
			}
			some, last = true, flow.ID
			return s.tables.flows.holder(flow.Name) != flow || yield(flow)
		})
	}
}

// Flow returns the flow with this id.
func (s *snapshot) Flow(id string) *flowrun.Flow { return s.tables.flows.id(id) }

// Runs yields the runs by id.
func (s *snapshot) Runs() iter.Seq[*flowrun.Run] {
	return oldest(func(visit btree.ItemIterator[*flowrun.Run]) { s.tables.runs.byID.Ascend(visit) })
}

// Run returns the run with this id.
func (s *snapshot) Run(id string) *flowrun.Run { return s.tables.runs.id(id) }

// RunsOf yields the runs of a flow by id.
func (s *snapshot) RunsOf(flowID string) iter.Seq[*flowrun.Run] {
	return func(yield func(*flowrun.Run) bool) {
		s.tables.runs.byFlow.AscendGreaterOrEqual(&flowrun.Run{FlowID: flowID}, func(run *flowrun.Run) bool {
			return run.FlowID == flowID && (s.tables.runs.id(run.ID) != run || yield(run))
		})
	}
}

// Subflow returns the newest run that stands behind a task run.
func (s *snapshot) Subflow(taskRunID string) *flowrun.Run {
	for run := range s.Subflows(taskRunID) {
		return run
	}
	return nil
}

// Subflows yields the runs that stand behind a task run, the newest first.
func (s *snapshot) Subflows(taskRunID string) iter.Seq[*flowrun.Run] {
	return s.tables.runs.subflows(taskRunID)
}

// oldest yields the first run of each id. The runs come by id.
func oldest(ascend func(btree.ItemIterator[*flowrun.Run])) iter.Seq[*flowrun.Run] {
	return func(yield func(*flowrun.Run) bool) {
		var last *flowrun.Run
		ascend(func(run *flowrun.Run) bool {
			if last != nil && run.ID == last.ID { // a younger object claims the id
				return true
			}
			last = run
			return yield(run)
		})
	}
}
