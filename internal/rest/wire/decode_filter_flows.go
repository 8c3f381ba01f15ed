package wire

import (
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ReadFilters reads the filters under the keys, in their order. It knows the keys of all
// routes: flows, flow_runs, task_runs, deployments, work_pools, and for queues of work
// pools work_pool_queues and work_queues.
func ReadFilters(p *validate.Model, keys ...string) (f flowrun.Filters) {
	for _, key := range keys {
		n, given := p.Given(key)
		if !given {
			continue
		}
		switch key {
		case "flows":
			f.Flows = new(readFlowFilter(n))
		case "flow_runs":
			f.Runs = new(ReadFlowRunFilter(n))
		case "task_runs":
			f.TaskRuns = new(readTaskRunFilter(n))
		case "deployments":
			f.Deployments = new(readDeploymentFilter(n))
		case "work_pools":
			workPoolFilter.check(n)
			f.WorkPools = true
		case "work_pool_queues", "work_queues":
			workQueueFilter.check(n)
			f.WorkQueues = true
		}
	}
	return f
}

// readFlowFilter reads a FlowFilter (contract §2.7).
func readFlowFilter(n validate.Node) (f flowrun.FlowFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.ID = ReadOptional(m, "id", readListFilter(validate.Node.UUID))
		f.Deployment = ReadOptional(m, "deployment", readPresenceFilter)
		f.Name = ReadOptional(m, "name", readNameFilter)
		f.Tags = ReadOptional(m, "tags", readRowTagsFilter(false))
	})
	return f
}

// ReadFlowRunFilter reads a FlowRunFilter (contract §2.7).
func ReadFlowRunFilter(n validate.Node) (f flowrun.RunFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.ID = ReadOptional(m, "id", readListFilter(validate.Node.UUID))
		f.Name = ReadOptional(m, "name", readNameFilter)
		f.Tags = ReadOptional(m, "tags", readRowTagsFilter(true))
		f.DeploymentID = ReadOptional(m, "deployment_id", readNullableFilter(validate.Node.UUID))
		f.WorkQueueName = ReadOptional(m, "work_queue_name", readNullableFilter(validate.Node.Text))
		f.State = ReadOptional(m, "state", readFlowRunStateFilter)
		f.FlowVersion = ReadOptional(m, "flow_version", readAnyFilter(false, validate.Node.Text))
		f.StartTime = ReadOptional(m, "start_time", readTimeFilter)
		f.EndTime = ReadOptional(m, "end_time", readTimeFilter)
		f.ExpectedStartTime = ReadOptional(m, "expected_start_time", readSpanFilter)
		f.NextScheduledStartTime = ReadOptional(m, "next_scheduled_start_time", readSpanFilter)
		f.ParentFlowRunID = ReadOptional(m, "parent_flow_run_id", readAnyFilter(true, validate.Node.UUID))
		f.ParentTaskRunID = ReadOptional(m, "parent_task_run_id", readNullableFilter(validate.Node.UUID))
		f.IdempotencyKey = ReadOptional(m, "idempotency_key", readListFilter(validate.Node.Text))
		f.CreatedBy = ReadOptional(m, "created_by", readCreatorFilter)
	})
	return f
}

// readDeploymentFilter reads a DeploymentFilter (contract §2.7). Prefect ignores
// concurrency_limit, too.
func readDeploymentFilter(n validate.Node) (f flowrun.DeploymentFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.ID = ReadOptional(m, "id", readListFilter(validate.Node.UUID))
		f.Name = ReadOptional(m, "name", readNameFilter)
		f.FlowOrDeploymentName = ReadOptional(m, "flow_or_deployment_name", readLikeFilter)
		f.Paused = ReadOptional(m, "paused", readPausedFilter)
		f.Tags = ReadOptional(m, "tags", readRowTagsFilter(true))
		f.WorkQueueName = ReadOptional(m, "work_queue_name", readAnyFilter(false, validate.Node.Text))
		if n, given := m.Given("concurrency_limit"); given {
			deploymentLimitFilter.check(n)
		}
	})
	return f
}

// readListFilter returns a reader of a filter on values that must be in a list, or must not.
func readListFilter[T ~string](read func(validate.Node) T) func(validate.Node) flowrun.ListFilter[T] {
	return func(n validate.Node) (f flowrun.ListFilter[T]) {
		n.Closed(func(m *validate.Model) {
			f.Any = ReadList(m, "any_", read)
			f.NotAny = ReadList(m, "not_any_", read)
		})
		return f
	}
}

// readAnyFilter returns a reader of a filter on values that must be in a list. It can have
// an operator, which has nothing to join.
func readAnyFilter(operator bool, read func(validate.Node) string) func(validate.Node) flowrun.AnyFilter {
	return func(n validate.Node) (f flowrun.AnyFilter) {
		n.Closed(func(m *validate.Model) {
			if operator {
				ReadOr(m)
			}
			f.Any = ReadList(m, "any_", read)
		})
		return f
	}
}

// readNullableFilter returns a reader of a filter on a value that may be missing.
func readNullableFilter(read func(validate.Node) string) func(validate.Node) flowrun.NullableFilter {
	return func(n validate.Node) (f flowrun.NullableFilter) {
		n.Closed(func(m *validate.Model) {
			f.Or = ReadOr(m)
			f.Any = ReadList(m, "any_", read)
			f.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
		})
		return f
	}
}

// readRowTagsFilter returns a reader of a filter on the tags of a flow, a flow run or a
// deployment. That of a flow has no any_.
func readRowTagsFilter(withAny bool) func(validate.Node) flowrun.TagsFilter {
	return func(n validate.Node) (f flowrun.TagsFilter) {
		n.Closed(func(m *validate.Model) {
			f.Or = ReadOr(m)
			f.All = taskrun.Distinct(ReadList(m, "all_", validate.Node.Text))
			if withAny {
				f.Any = ReadList(m, "any_", validate.Node.Text)
			}
			f.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
		})
		return f
	}
}

func readFlowRunStateFilter(n validate.Node) (f flowrun.StateFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.Type = ReadOptional(m, "type", readListFilter(ReadStateType))
		f.Name = ReadOptional(m, "name", readListFilter(validate.Node.Text))
	})
	return f
}

func readCreatorFilter(n validate.Node) (f flowrun.CreatorFilter) {
	n.Closed(func(m *validate.Model) {
		f.Or = ReadOr(m)
		f.ID = ReadList(m, "id_", validate.Node.UUID)
		f.Type = ReadList(m, "type_", validate.Node.Text)
		f.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
	})
	return f
}

func readPresenceFilter(n validate.Node) (f flowrun.PresenceFilter) {
	n.Closed(func(m *validate.Model) {
		ReadOr(m)
		f.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
	})
	return f
}

func readPausedFilter(n validate.Node) (f flowrun.PausedFilter) {
	n.Closed(func(m *validate.Model) { f.Eq = ReadOptional(m, "eq_", validate.Node.Bool) })
	return f
}

func readLikeFilter(n validate.Node) (f taskrun.NameFilter) {
	n.Closed(func(m *validate.Model) {
		if like := ReadOptional(m, "like_", validate.Node.Text); like != nil {
			f.Like = *like
		}
	})
	return f
}
