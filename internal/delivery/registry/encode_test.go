package registry

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
)

func keysOf(prefix string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%s-%06d", prefix, i)
	}
	return keys
}

// decoded returns the task keys that another replica reads, by worker id.
func decoded(t *testing.T, workers []delivery.Worker) map[string][]string {
	t.Helper()
	text := encode(workers)
	if len(text) > maxAnnotation {
		t.Errorf("the annotation has %d bytes, want at most %d", len(text), maxAnnotation)
	}
	var read []delivery.Worker
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{}
	for _, worker := range read {
		keys[worker.ID] = worker.TaskKeys
	}
	return keys
}

// Workers with too many task keys lose some of them. Others keep all of theirs.
func TestEncode_dropsKeysOnlyOfWorkersWithTooMany(t *testing.T) {
	t.Parallel()
	small := func(namespace, caller, id string) delivery.Worker {
		return delivery.Worker{Namespace: namespace, Caller: caller, ID: id, TaskKeys: keysOf("small", 20)}
	}
	large := func(namespace, caller, id string, n int) delivery.Worker {
		return delivery.Worker{Namespace: namespace, Caller: caller, ID: id, TaskKeys: keysOf(id+strings.Repeat("<", 20), n)}
	}
	others := []delivery.Worker{small("a", "x", "s1"), small("a", "y", "s2"), small("b", "x", "s3"), small("b", "z", "s4")}
	for name, hogs := range map[string][]delivery.Worker{
		"one worker":                 {large("a", "hog", "h", 20_000)},
		"one of a caller's":          {large("a", "x", "h", 20_000)},
		"many workers of one caller": {large("a", "hog", "h1", 9000), large("a", "hog", "h2", 9000), large("a", "hog", "h3", 9000)},
		"many callers":               {large("a", "h1", "h1", 9000), large("a", "h2", "h2", 9000), large("a", "h3", "h3", 9000)},
		"workers of two namespaces":  {large("a", "hog", "h1", 20_000), large("b", "hog", "h2", 20_000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decoded(t, slices.Concat(hogs, others))
			for _, other := range others {
				if diff := cmp.Diff(other.TaskKeys, got[other.ID]); diff != "" {
					t.Errorf("keys of %s (-want +got):\n%s", other.ID, diff)
				}
			}
			kept := 0
			for _, hog := range hogs {
				if n := len(got[hog.ID]); n == 0 || n == len(hog.TaskKeys) {
					t.Errorf("%s has %d keys of %d, want a share", hog.ID, n, len(hog.TaskKeys))
				}
				kept += len(got[hog.ID]) * keySize(hog.TaskKeys[0])
			}
			if kept < maxAnnotation/2 {
				t.Errorf("%d bytes of those with many keys are kept, want what the others leave", kept)
			}
		})
	}
}

// Workers with the largest ids are all listed, with a share of their keys.
func TestEncode_fullListOfWorkersFitsAnnotation(t *testing.T) {
	t.Parallel()
	var workers []delivery.Worker
	for size := 0; size < delivery.MaxWorkerBytes-600; {
		worker := delivery.Worker{Namespace: "a", Caller: "x", ID: fmt.Sprint(strings.Repeat("\x01", 50), len(workers))}
		text, err := delivery.EncodeWorkers([]delivery.Worker{worker})
		if err != nil {
			t.Fatal(err)
		}
		size += len(text) - 1
		worker.TaskKeys = keysOf("\u2028\"é", 100)
		workers = append(workers, worker)
	}
	if got := decoded(t, workers); len(got) != len(workers) {
		t.Errorf("%d workers are listed, want %d", len(got), len(workers))
	}
}

// Shares add up to the total or to the sum of the needs, and none exceeds its need.
func TestShares_useTheWholeTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(0, 100), 0, 20).Draw(t, "sizes")
		total := rapid.IntRange(0, 1000).Draw(t, "total")
		outer := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), len(sizes), len(sizes)).Draw(t, "outer")
		inner := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), len(sizes), len(sizes)).Draw(t, "inner")
		got := shares(sizes, total, func(i int) string { return outer[i] }, func(i int) string { return inner[i] })
		sum, needed, groups := 0, 0, map[string]int{}
		for i, share := range got {
			if share < 0 || share > sizes[i] {
				t.Fatalf("share %d of one that needs %d", share, sizes[i])
			}
			sum += share
			needed += sizes[i]
			groups[outer[i]] += sizes[i]
		}
		if sum != min(total, needed) {
			t.Fatalf("%d of %d are given, want %d", sum, needed, min(total, needed))
		}
		for i, share := range got {
			if groups[outer[i]] <= total/len(groups) && share != sizes[i] {
				t.Fatalf("%d of %d, though its group needs no more than its share", share, sizes[i])
			}
		}
	})
}
