package app

import (
	"context"
	"fmt"
	"os"

	"github.com/taskrun-dev/taskrun-operator/internal/tracing"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// newTracing returns the tracing of this replica, or nil without a collector.
func newTracing(ctx context.Context, options tracing.Options) (*tracing.Tracing, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("the name of this host: %w", err)
	}
	return tracing.New(ctx, options, tracing.Program{Version: version.Get().Version, Instance: host})
}
