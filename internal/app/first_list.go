package app

import (
	"context"
	"runtime/debug"
	"sync"
)

// firstListGCPercent is the GOGC during the first list of TaskRuns. The heap then grows to
// the size of all runs, and with the default of 100, garbage would need as much memory
// again (docs/decisions/0034-start-and-memory.md).
const firstListGCPercent = 40

// collectOften runs the garbage collector more often until the index has all runs, or stop
// is called. It keeps a lower GOGC of the user, and GOGC=off, which users combine with a
// memory limit.
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
