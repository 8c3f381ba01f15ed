package app

import (
	"context"
	"log/slog"
)

// process holds the process-wide settings of the program.
type process struct {
	useForLibraries func(slog.Handler)
	collectOften    func(ctx context.Context, waitForSync func(context.Context) bool) (stop func())
}

var (
	ownProcess    = process{useForLibraries: useForLibraries, collectOften: collectOften}
	sharedProcess = process{
		useForLibraries: func(slog.Handler) {},
		collectOften:    func(context.Context, func(context.Context) bool) func() { return func() {} },
	}
)
