package app

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/certificates"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
)

// expiryInterval is the time between two updates of the metric.
const expiryInterval = time.Minute

// expiry records the expiry of the serving certificate as a metric.
type expiry struct {
	certs   *certificates.Source
	metrics *telemetry.Recorder
}

// Start updates the metric until the context ends.
func (e *expiry) Start(ctx context.Context) error {
	ticker := time.NewTicker(expiryInterval)
	defer ticker.Stop()
	for {
		e.metrics.CertificateLoaded(e.certs.NotAfter())
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// NeedLeaderElection returns false: every replica has the metric.
func (e *expiry) NeedLeaderElection() bool { return false }
