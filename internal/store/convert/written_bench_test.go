package convert

import (
	"testing"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// BenchmarkOwnWrite compares the two ways to compute the run of an own write: from the
// written run, and from the object.
func BenchmarkOwnWrite(b *testing.B) {
	m := storetest.NewRandom(6, 28)
	run := m.Run()
	created := ObjectFromRun(run, "default")
	bench(b, "create/from the run", func() { Created(run, created) })
	bench(b, "create/from the object", func() { RunFromObject(created) })
	for name, states := range map[string]int{"few states": 2, "all states": taskrun.MaxHistory} {
		next := *run
		m.Progress(&next)
		for next.History = nil; len(next.History) < states; {
			other := m.Run()
			next.History = append(next.History, *other.State)
		}
		written := &v1alpha1.TaskRun{ObjectMeta: created.ObjectMeta, Spec: created.Spec, Status: StatusFromRun(&next)}
		base := RunFromObject(written)
		next = *base
		bench(b, "status of "+name+"/from the run", func() { Written(base, &next, written) })
		bench(b, "status of "+name+"/from the object", func() { RunFromObject(written) })
	}
}

func bench(b *testing.B, name string, do func()) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			do()
		}
	})
}
