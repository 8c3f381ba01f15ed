package topk_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/topk"
)

func TestTopIsAPartOfTheSortedRows(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := random.IntN(6000)
		values := make([]int, n)
		for i := range values {
			values[i] = random.IntN(1 + random.IntN(5000))
		}
		offset, limit := random.IntN(60)-5, random.IntN(300)-5
		top := topk.NewTop(topk.Needed(offset, limit, n), cmp.Compare[int])
		for _, value := range values {
			top.Add(uint64(value/100), value)
		}
		got := top.Sorted(offset)

		slices.Sort(values)
		first := min(max(offset, 0), n)
		want := values[first:]
		want = want[:min(max(limit, 0), len(want))]
		if diff := gocmp.Diff(append([]int{}, want...), got); diff != "" {
			t.Fatalf("%d rows, offset %d, limit %d (-want +got):\n%s", n, offset, limit, diff)
		}
	}
}

func TestNeeded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ offset, limit, all, want int }{
		{0, 10, 100, 10},
		{95, 10, 100, 100},
		{100, 10, 100, 0},
		{5, 0, 100, 0},
		{-5, 10, 100, 10},
		{5, -1, 100, 0},
		{math.MaxInt, math.MaxInt, 100, 0},
		{1, math.MaxInt, 100, 100},
		{0, 10, 0, 0},
	} {
		if got := topk.Needed(tt.offset, tt.limit, tt.all); got != tt.want {
			t.Errorf("Needed(%d, %d, %d) = %d, want %d", tt.offset, tt.limit, tt.all, got, tt.want)
		}
	}
}
