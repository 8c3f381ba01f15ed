package load

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestDrive_countsSuccessesAndFailures(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	stock := NewStock[error](1)
	for i := range 10 {
		var outcome error
		if i%5 == 0 {
			outcome = broken
		}
		stock.Add(outcome)
	}
	// The hour does not pass: the clients end because the operation is
	// exhausted.
	got := Drive(t.Context(), 3, time.Hour, func(context.Context) error {
		return stock.Take(func(outcome error, _ int) error { return outcome })
	})
	if len(got.Latencies) != 8 || got.Failed != 2 || !errors.Is(got.FirstErr, broken) {
		t.Errorf("got %d latencies, %d failed with %v; want 8, and 2 with %v", len(got.Latencies), got.Failed, got.FirstErr, broken)
	}
	if got.PerSecond <= 0 || !slices.IsSorted(got.Latencies) {
		t.Errorf("the rate is %v, want more than 0; the latencies are %v, want them sorted", got.PerSecond, got.Latencies)
	}
	if err := got.Err(); !errors.Is(err, broken) {
		t.Errorf("the sample's error is %v, want %v", err, broken)
	}
}

func TestSample_emptyIsAnError(t *testing.T) {
	t.Parallel()
	got := Drive(t.Context(), 1, time.Hour, func(context.Context) error { return ErrExhausted })
	if got.Err() == nil {
		t.Error("there is no error though nothing was done")
	}
}

func TestRepeat_passesEachNumberOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []int
	err := Repeat(t.Context(), 4, 100, func(_ context.Context, number int) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, number)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	for i := range 100 {
		if len(got) != 100 || got[i] != i {
			t.Fatalf("got the numbers %v, want 0 to 99", got)
		}
	}
}

func TestRepeat_stopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	calls := 0
	err := Repeat(t.Context(), 1, 1_000_000, func(context.Context, int) error {
		calls++
		return broken
	})
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("got %v after %d calls, want %v after one", err, calls, broken)
	}
}

func TestStock_returnsStepsInTurn(t *testing.T) {
	t.Parallel()
	stock := NewStock[string](2)
	stock.Add("a")
	stock.Add("b")
	var got []string
	for {
		err := stock.Take(func(item string, step int) error {
			got = append(got, item+string(rune('0'+step)))
			return nil
		})
		if errors.Is(err, ErrExhausted) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"a0", "b0", "a1", "b1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
