package flows

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Follow yields the changes that o selects, past and future ones (see feed.Feed).
func (s *Service) Follow(ctx context.Context, o taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange[*flowrun.Run], error] {
	return s.feed.Follow(ctx, source{s.Store}, o)
}

// source is the feed.Source of a store. While not all runs are known, it has none.
type source struct{ flowrun.Store }

func (s source) Known(id string) *flowrun.Run {
	snapshot, err := s.Snapshot(context.Background())
	if err != nil {
		return nil
	}
	return snapshot.Run(id)
}

// ChangedSince looks at all runs: there are few beside task runs.
func (s source) ChangedSince(since time.Time) (changed []*flowrun.Run) {
	snapshot, err := s.Snapshot(context.Background())
	if err != nil {
		return nil
	}
	for run := range snapshot.Runs() {
		if !run.Updated.Before(since) {
			changed = append(changed, run)
		}
	}
	return changed
}

// RelatedTo returns what the events of a run are about, as far as it is cached.
func (s *Service) RelatedTo(run *flowrun.Run) (related flowrun.Related) {
	related.Tags = slices.Clone(run.Tags)
	if snapshot, err := s.Store.Snapshot(context.Background()); err == nil {
		related.Flow = snapshot.Flow(run.FlowID)
	}
	if related.Flow != nil {
		related.Tags = append(related.Tags, related.Flow.Tags...)
	}
	if run.ParentTaskRunID != "" {
		related.ParentRun = s.TaskRuns.Cached(run.ParentTaskRunID)
	}
	if related.ParentRun != nil {
		related.Tags = append(related.Tags, related.ParentRun.Tags...)
	}
	slices.SortFunc(related.Tags, strings.Compare)
	related.Tags = slices.Compact(related.Tags)
	return related
}
