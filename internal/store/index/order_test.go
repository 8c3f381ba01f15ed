package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// For any sequence of events, queries return the oldest object of each id, in
// its newest version, once, and every lookup table agrees.
func TestIndex_queriesAndLookupsAgree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 11))
		v := newWatchedIndex()
		known := map[string]*v1alpha1.TaskRun{} // by name
		told := follow(v)
		for version := range 400 {
			n := random.IntN(12)
			name := fmt.Sprint("x", n)
			o := known[name]
			switch chance := random.IntN(5); {
			case o != nil && chance == 0:
				v.OnDelete(o)
				delete(known, name)
			case o == nil || chance == 1: // created, or replaced in one step
				uid := types.UID(fmt.Sprint("u", random.IntN(100), "-", version))
				known[name] = objecttest.Version(name, uid, version, objecttest.WithID([]string{idA, idB, "", ""}[n%4]), objecttest.CreatedAfter(n%3))
				v.OnAdd(known[name])
			default:
				next := o.DeepCopy()
				next.ResourceVersion = strconv.Itoa(version)
				known[name] = next
				v.OnAdd(next)
			}
			inStep(t, v, known)
			wantTold(t, v, told)
		}
	}
}

// follow returns the runs, by id, that a subscriber knows.
func follow(v watchedIndex) map[string]*taskrun.Run {
	told := map[string]*taskrun.Run{}
	v.Follow(func(before, after *taskrun.Run) {
		if before != nil {
			if told[before.ID] != before {
				panic("told of a run that is not the one told before")
			}
			delete(told, before.ID)
		}
		if after != nil {
			if told[after.ID] != nil {
				panic("told of a second run of one id")
			}
			told[after.ID] = after
		}
	})
	return told
}

func wantTold(t *testing.T, v watchedIndex, told map[string]*taskrun.Run) {
	t.Helper()
	for _, run := range v.all() {
		if told[run.ID] != run {
			t.Fatalf("a follower knows %+v, queries see %+v", told[run.ID], run)
		}
	}
	if len(told) != len(v.all()) {
		t.Fatalf("a follower knows %d runs, queries see %d", len(told), len(v.all()))
	}
}

func inStep(t *testing.T, v watchedIndex, known map[string]*v1alpha1.TaskRun) {
	t.Helper()
	oldest := map[string]*v1alpha1.TaskRun{}
	for _, o := range known {
		first := oldest[o.UUID()]
		if first == nil || o.CreationTimestamp.Before(&first.CreationTimestamp) ||
			(o.CreationTimestamp.Equal(&first.CreationTimestamp) && o.UID < first.UID) {
			oldest[o.UUID()] = o
		}
	}
	for _, run := range v.all() {
		o := oldest[run.ID]
		if o == nil || run.Ref.ResourceVersion != o.ResourceVersion || v.ByID(run.ID) != run || v.ByKey(run.NaturalKey()) != run {
			t.Fatalf("queries see %+v, want it to be of %+v", run.Ref, o)
		}
	}
	if len(v.all()) != len(oldest) || v.ids.size() != len(oldest) || len(v.entries) != len(known) || len(v.names) != len(known) {
		t.Fatalf("%d runs, %d ids, %d objects, %d names, want %d runs and ids of %d objects",
			len(v.all()), v.ids.size(), len(v.entries), len(v.names), len(oldest), len(known))
	}
}

// Readers and writers of every kind run concurrently, with the race detector,
// and no reader sees an older version after a newer one.
func TestIndex_readersSeeVersionsInOrder(t *testing.T) {
	t.Parallel()
	v := newWatchedIndex()
	v.OnAdd(objecttest.Version("x", "u", 1))
	const versions = 300
	var all sync.WaitGroup
	order := make([]int, versions)
	for i := range order {
		order[i] = i + 2
	}
	for writer := range 3 {
		all.Go(func() {
			mixed := slices.Clone(order)
			random := rand.New(rand.NewPCG(uint64(writer), 7))
			random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
			for _, version := range mixed {
				v.PutObject(objecttest.Version("x", "u", version))
			}
		})
	}
	for range 3 {
		all.Go(func() {
			last := 0
			for range versions {
				version, err := strconv.Atoi(v.ByID("u").Ref.ResourceVersion)
				if err != nil || version < last || len(v.all()) != 1 {
					t.Errorf("read version %d after %d, error %v", version, last, err)
					return
				}
				last = version
			}
		})
	}
	all.Wait()
	if run := v.ByID("u"); run.Ref.ResourceVersion != strconv.Itoa(versions+1) {
		t.Errorf("version %s stayed, want %d", run.Ref.ResourceVersion, versions+1)
	}
}
