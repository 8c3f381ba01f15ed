package app

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/certificates"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
)

// expiryInterval is the time between two looks at the certificate in use.
const expiryInterval = time.Minute

// expiry shows when the certificate in use ends.
type expiry struct {
	certs   *certificates.Source
	metrics *telemetry.Recorder
}

// Start looks now and then until the context ends.
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

// NeedLeaderElection tells a manager that every replica does this.
func (e *expiry) NeedLeaderElection() bool { return false }
