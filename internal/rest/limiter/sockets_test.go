package limiter

import "testing"

func TestSockets_reserveIsForOtherCallers(t *testing.T) {
	t.Parallel()
	s := NewSockets(20)
	acquire := func(caller string) bool { return s.NewSlot().Acquire(caller) }
	for i := range 15 {
		if !acquire("greedy") {
			t.Fatalf("slot %d was denied although the reserve is free", i)
		}
	}
	if acquire("greedy") {
		t.Error("the reserve was used by a caller that has more than its share")
	}
	for i := range 2 {
		if !acquire("modest") {
			t.Errorf("slot %d of another caller was denied", i)
		}
	}
	if acquire("modest") {
		t.Error("the reserve was used by a caller that has its share")
	}
	for range 3 {
		if !acquire("") {
			t.Error("a caller without a name was denied a free slot")
		}
	}
	if acquire("other") {
		t.Error("more slots were acquired than there are")
	}
}
