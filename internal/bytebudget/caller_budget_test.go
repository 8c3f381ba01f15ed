package bytebudget

import (
	"context"
	"errors"
	"testing"
)

func TestCallerBudget_share(t *testing.T) {
	t.Parallel()
	b := NewCallerBudget(100)
	first, ok := b.Try("a", 30)
	if !ok {
		t.Fatal("nothing is taken, and there is no memory")
	}
	if _, ok := b.Try("a", 30); ok {
		t.Error("a caller got more than its share")
	}
	other, ok := b.Try("b", 1000)
	if !ok {
		t.Error("more than a share does not count as a share")
	}
	if _, ok := b.Try("c", 30); ok {
		t.Error("more was given than there is")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, caller := range []string{"a", "c", ""} {
		if _, err := b.Acquire(ended, caller, 50); !errors.Is(err, ErrFull) {
			t.Errorf("%q waits although its context has ended: %v", caller, err)
		}
	}
	got := make(chan func())
	go func() {
		release, err := b.Acquire(t.Context(), "a", 40)
		if err != nil {
			t.Error(err)
		}
		got <- release
	}()
	first()
	first()
	release := <-got
	release()
	other()
	if len(b.byCaller) != 0 || !b.total.TryAcquire(100) {
		t.Error("memory is still taken")
	}
}
