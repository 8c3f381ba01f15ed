package bytebudget_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
)

// sizedBuffer is a buffer whose entries are sizes.
type sizedBuffer struct {
	mu      sync.Mutex
	entries []int64
	share   *bytebudget.Share
}

func joinBudget(b *bytebudget.Budget) *sizedBuffer {
	s := &sizedBuffer{}
	s.share = b.Join(s.drop)
	return s
}

func (s *sizedBuffer) add(n int64) {
	s.mu.Lock()
	s.entries = append(s.entries, n)
	s.mu.Unlock()
	s.share.Add(n)
}

func (s *sizedBuffer) drop() (freed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.entries) > 0 {
		freed, s.entries = s.entries[0], s.entries[1:]
	}
	return freed
}

func (s *sizedBuffer) bytes() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, size := range s.entries {
		n += size
	}
	return n
}

func TestBudget_largestBufferDropsItsOldestEntries(t *testing.T) {
	t.Parallel()
	budget := bytebudget.New(100)
	small, large := joinBudget(budget), joinBudget(budget)
	small.add(10)
	for range 20 {
		large.add(10)
	}
	if small.bytes() != 10 || large.bytes() != 90 {
		t.Errorf("the small buffer holds %d bytes and the large one %d, want 10 and 90", small.bytes(), large.bytes())
	}
	for range 20 {
		small.add(10)
	}
	if small.bytes() != 50 || large.bytes() != 50 {
		t.Errorf("two buffers in use hold %d and %d bytes, want half each", small.bytes(), large.bytes())
	}
	large.share.Leave()
	small.add(50)
	if small.bytes() != 100 || budget.Bytes() != 100 {
		t.Errorf("the only buffer holds %d bytes, and %d are counted, want 100", small.bytes(), budget.Bytes())
	}
	large.share.Add(10)
	if budget.Bytes() != 100 {
		t.Error("a buffer that left is counted")
	}
	small.add(101)
	if small.bytes() != 0 || budget.Bytes() != 0 {
		t.Errorf("%d bytes are kept, %d counted, beside an entry that is larger than the budget", small.bytes(), budget.Bytes())
	}
}

func TestBudget_concurrentBuffersFit(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	budget := bytebudget.New(limit)
	buffers := make([]*sizedBuffer, 50)
	var all sync.WaitGroup
	for i := range buffers {
		buffers[i] = joinBudget(budget)
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range 1000 {
				buffers[i].add(1 + random.Int64N(200))
			}
		})
	}
	all.Wait()
	var sum int64
	for _, b := range buffers {
		sum += b.bytes()
	}
	if sum != budget.Bytes() || sum > limit || sum < limit-200 {
		t.Errorf("the buffers hold %d bytes, %d are counted, want almost %d", sum, budget.Bytes(), limit)
	}
	for _, b := range buffers {
		b.share.Leave()
	}
	if budget.Bytes() != 0 {
		t.Errorf("%d bytes are counted although no buffer is left", budget.Bytes())
	}
}
