package taskrun

import "testing"

func TestDelivery_Count(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]string{0: "delivered 0 times", 1: "delivered once", 3: "delivered 3 times"} {
		if got := (&Delivery{Attempts: attempts}).Count(); got != want {
			t.Errorf("Count() of %d = %q, want %q", attempts, got, want)
		}
	}
}
