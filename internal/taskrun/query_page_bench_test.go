package taskrun

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

// BenchmarkPage measures the page of 200 runs after an offset, out of 100,000 runs in random
// order.
func BenchmarkPage(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 8))
	runs := make([]*Run, 100_000)
	for i := range runs {
		runs[i] = &Run{ID: fmt.Sprintf("%06d", i), Name: strconv.Itoa(random.IntN(50_000))}
	}
	random.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
	for _, sort := range []Sort{SortIDDesc, SortNameAsc} {
		for _, offset := range []int{0, 70_000} {
			b.Run(fmt.Sprint(sort, "/", offset), func(b *testing.B) {
				given := make([]*Run, len(runs))
				for b.Loop() {
					copy(given, runs)
					Query{Sort: sort, Offset: offset, Limit: 200}.Page(given)
				}
			})
		}
	}
}
