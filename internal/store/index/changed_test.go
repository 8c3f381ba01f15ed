package index

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
)

func TestChangedSince_returnsRecentRuns(t *testing.T) {
	t.Parallel()
	f := objecttest.NewFleet()
	objects := f.Objects(t, 3*blockSize)
	s := indexOf(objects)
	for i := 0; i < len(objects); i += 7 { // some runs are written again, and some are deleted
		next := objecttest.Copy(t, objects[i])
		next.ResourceVersion = strconv.Itoa(90_000 + i)
		next.Status.UpdatedTime = &v1alpha1.MicroTime{Time: f.Noon.Add(time.Duration(i) * time.Hour)}
		s.PutObject(next)
		s.Remove(objects[i+1].UID)
	}
	for _, since := range []time.Time{{}, f.Noon.Add(-time.Hour), f.Noon.Add(12 * time.Second), f.Noon.Add(20 * time.Second), f.Noon.Add(100 * time.Hour), f.Noon.Add(1e6 * time.Hour)} {
		var want []string
		for run := range s.snapshot().all() {
			if !run.LastRecorded().Before(since) {
				want = append(want, run.ID)
			}
		}
		var got []string
		for _, run := range s.ChangedSince(since) {
			got = append(got, run.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("changed since %v (-want +got):\n%s", since, diff)
		}
	}
}
