// Command taskrun-operator runs Prefect task runs as Kubernetes objects.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/taskrun-dev/taskrun-operator/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the program in order. A second signal exits
	// immediately.
	context.AfterFunc(ctx, stop)
	if err := app.Run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "taskrun-operator:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}
