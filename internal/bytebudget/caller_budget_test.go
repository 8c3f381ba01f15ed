package bytebudget

import (
	"context"
	"errors"
	"testing"
)

func TestCallerBudget_callerGetsAtMostItsShare(t *testing.T) {
	t.Parallel()
	b := NewCallerBudget(100)
	first, ok := b.Try("a", 30)
	if !ok {
		t.Fatal("no memory although none is reserved")
	}
	if _, ok := b.Try("a", 30); ok {
		t.Error("a caller got more than its share")
	}
	other, ok := b.Try("b", 1000)
	if !ok {
		t.Error("a request of more than the share was not reduced to the share")
	}
	if _, ok := b.Try("c", 30); ok {
		t.Error("more was reserved than the total")
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
		t.Error("memory is still reserved")
	}
}
