package index

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// One writer updates all runs, one after the other, to the next version, and
// creates the last one anew each time. At every moment, the first n runs have
// one version and the others the version before, and at most one run exists
// twice. A reader that reads runs at different times would see another result.
func TestSnapshot_readersSeeOneSnapshot(t *testing.T) {
	t.Parallel()
	const runs, rounds = 2*blockSize + 7, 60
	s := indexOf(nil)
	write := func(n, round int) {
		name := strconv.Itoa(n)
		uid := name
		if n == runs-1 {
			name = fmt.Sprint(n, "-", round)
			uid = name
		}
		s.PutObject(objecttest.Version(name, types.UID(uid), round*runs+n+1, objecttest.WithKey(strconv.Itoa(n)), func(o *v1alpha1.TaskRun) {
			o.Spec.Name = fmt.Sprintf("round-%03d", round)
		}))
		if n == runs-1 {
			s.Remove(types.UID(fmt.Sprint(n, "-", round-1)))
		}
	}
	for n := range runs {
		write(n, 0)
	}
	var done atomic.Bool
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for !done.Load() {
				if err := oneSnapshot(t.Context(), s, runs); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for round := 1; round <= rounds; round++ {
		for n := range runs {
			write(n, round)
		}
	}
	done.Store(true)
	all.Wait()
}

// oneSnapshot reads all runs and checks that they are of one snapshot.
func oneSnapshot(ctx context.Context, s *NamespaceIndex, runs int) error {
	page, err := s.Query(ctx, taskrun.Query{Sort: taskrun.SortNameAsc, Limit: 2 * runs, Counted: true})
	if err != nil || page.Total != len(page.Runs) || (page.Total != runs && page.Total != runs+1) {
		return fmt.Errorf("%d runs of %d in all, want %d and at most one more, error %w", len(page.Runs), page.Total, runs, err)
	}
	var visited []*taskrun.Run
	if err := s.Each(ctx, taskrun.Filter{}, func(run *taskrun.Run) { visited = append(visited, run) }); err != nil {
		return err
	}
	for how, all := range map[string][]*taskrun.Run{"Query": page.Runs, "Each": visited} {
		if err := inOrder(all, runs); err != nil {
			return fmt.Errorf("%s: %w", how, err)
		}
	}
	return nil
}

func inOrder(all []*taskrun.Run, runs int) error {
	names := make([][]string, runs)
	for _, run := range all {
		n, err := strconv.Atoi(run.DynamicKey)
		if err != nil {
			return err
		}
		names[n] = append(names[n], run.Name)
	}
	first := names[0][0]
	changes := 0
	for n := 1; n < runs; n++ {
		if len(names[n]) == 0 || (n < runs-1 && len(names[n]) > 1) {
			return fmt.Errorf("run %d is there %d times", n, len(names[n]))
		}
		if n < runs-1 && names[n][0] != names[n-1][0] {
			changes++
		}
	}
	if last := names[runs-2][0]; changes > 1 || last > first {
		return fmt.Errorf("%d changes of version on the way from %s to %s", changes, first, last)
	}
	if len(names[runs-1]) > 1 && changes > 0 {
		return fmt.Errorf("the last run is there twice while the others are %s and %s", first, names[runs-2][0])
	}
	return nil
}

// A snapshot does not change with later writes.
func TestSnapshot_doesNotChange(t *testing.T) {
	t.Parallel()
	f := objecttest.NewFleet()
	s := indexOf(f.Objects(t, blockSize+50))
	m := s.snapshot()
	if s.snapshot() != m {
		t.Error("nothing happened, but the snapshot is another one")
	}
	before := map[string]string{}
	for run := range m.all() {
		before[run.ID] = run.Ref.ResourceVersion
	}
	for id, version := range before {
		run := s.ByID(id)
		if version == "1003" {
			continue
		}
		s.Remove(types.UID(run.Ref.UID))
	}
	if n, err := s.snapshot().count(t.Context(), taskrun.Filter{}); n != 1 || err != nil {
		t.Errorf("%d runs are left, want 1", n)
	}
	after := 0
	for run := range m.all() {
		after++
		if before[run.ID] != run.Ref.ResourceVersion {
			t.Errorf("run %s was of version %s and is of %s", run.ID, before[run.ID], run.Ref.ResourceVersion)
		}
	}
	if after != len(before) {
		t.Errorf("%d of %d runs are left in the snapshot", after, len(before))
	}
}

// A query ends when its client disconnects.
func TestAScanEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := indexOf(objecttest.NewFleet().Objects(t, 40*blockSize))
	ctx, cancel := context.WithCancel(t.Context())
	visited := 0
	err := s.Each(ctx, taskrun.Filter{}, func(*taskrun.Run) {
		visited++
		cancel()
	})
	if !errors.Is(err, context.Canceled) || visited > blocksPerCheck*blockSize {
		t.Errorf("%d runs are visited, error %v, want at most %d", visited, err, blocksPerCheck*blockSize)
	}
}
