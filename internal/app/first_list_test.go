package app

import (
	"context"
	"runtime/debug"
	"testing"
)

// gcPercent returns the GOGC of the process.
func gcPercent() int {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent
}

//nolint:paralleltest // GOGC is that of the process.
func TestCollectOften_lowersGOGCDuringTheFirstList(t *testing.T) {
	for name, test := range map[string]struct{ usual, during int }{
		"the default":    {100, firstListGCPercent},
		"a higher value": {400, firstListGCPercent},
		"a lower value":  {10, 10},
		"off":            {-1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			defer debug.SetGCPercent(debug.SetGCPercent(test.usual))
			listed := make(chan struct{})
			stop := collectOften(t.Context(), func(context.Context) bool { <-listed; return true })
			if got := gcPercent(); got != test.during {
				t.Errorf("GOGC is %d during the list, want %d", got, test.during)
			}
			close(listed)
			stop()
			if got := gcPercent(); got != test.usual {
				t.Errorf("GOGC is %d after the list, want %d", got, test.usual)
			}
		})
	}
}

//nolint:paralleltest // GOGC is that of the process.
func TestCollectOften_restoresGOGCIfTheFirstListDoesNotEnd(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	stop := collectOften(t.Context(), func(ctx context.Context) bool { <-ctx.Done(); return false })
	stop()
	if got := gcPercent(); got != 100 {
		t.Errorf("GOGC is %d, want 100", got)
	}
}
