package app

import (
	"context"
	"runtime/debug"
	"sync"
)

// firstListGCPercent is the GOGC while the first list of TaskRuns is read. The heap grows
// from nothing to that of all runs then, and with the default of 100, garbage would take as
// much memory again (docs/decisions/0034-start-and-memory.md).
const firstListGCPercent = 40

// collectOften lets the garbage collector work more often until the index has all runs, or
// stop is called. A lower GOGC of the user's stays, and so does one that is off, because a
// memory limit replaces it.
func collectOften(ctx context.Context, waitForSync func(context.Context) bool) (stop func()) {
	usual := debug.SetGCPercent(firstListGCPercent)
	if usual < firstListGCPercent { // -1: off
		debug.SetGCPercent(usual)
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		waitForSync(ctx)
		debug.SetGCPercent(usual)
	})
	return func() {
		cancel()
		waiting.Wait()
	}
}
