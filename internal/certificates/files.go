package certificates

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// fileInterval is the time between two looks at the files, in case that a change of
// theirs went by without an event.
const fileInterval = 10 * time.Second

// files reads the certificate from files that another program renews.
type files struct {
	certFile string
	keyFile  string
	clock    clock.PassiveClock
	log      *slog.Logger
	served   *served
	interval time.Duration

	watcher *certwatcher.CertWatcher
}

// load reads the files for the first time.
func (f *files) load(_ context.Context) error {
	watcher, err := certwatcher.New(f.certFile, f.keyFile)
	if err != nil {
		if problem := f.check(); problem != nil {
			return problem
		}
		return fmt.Errorf("%s: watching %s: %w", flagCertFile, f.certFile, err)
	}
	certificate, err := watcher.GetCertificate(nil)
	if err != nil {
		return f.name(err)
	}
	if err := inTime(certificate.Leaf, f.clock.Now()); err != nil {
		return f.name(err)
	}
	f.watcher = watcher.WithWatchInterval(f.interval)
	f.served.use(certificate)
	return nil
}

// run follows the files. The watcher reads them at every event and at intervals;
// this adds which of what it has read may be used, and what is wrong.
func (f *files) run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	f.watcher.RegisterCallback(func(tls.Certificate) { // may hold the watcher's lock
		select {
		case changed <- struct{}{}:
		default: // it is to be looked at already
		}
	})
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		if err := f.watcher.Start(ctx); err != nil && ctx.Err() == nil {
			f.log.LogAttrs(ctx, slog.LevelWarn, "cannot watch the files of the certificate; they are read at intervals",
				slog.Duration("interval", f.interval), slog.String("error", err.Error()))
		}
	})
	ticker := time.NewTicker(f.interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-changed:
		}
		f.served.tell(ctx, f.look())
	}
}

// look reads the files again, and tells what is wrong with them.
func (f *files) look() error {
	if err := f.watcher.ReadCertificate(); err != nil {
		// Between the two files a rotation may have come. Then they are in order now.
		if problem := f.check(); problem != nil {
			return problem
		}
	}
	return f.adopt()
}

// adopt uses what the watcher has read last, unless it is of no use yet, or no
// more, while the certificate in use is.
func (f *files) adopt() error {
	candidate, err := f.watcher.GetCertificate(nil)
	if err != nil {
		return f.name(err)
	}
	now := f.clock.Now()
	problem := inTime(candidate.Leaf, now)
	if problem == nil || inTime(f.served.certificate().Leaf, now) != nil {
		f.served.use(candidate)
	}
	if problem != nil {
		return f.name(problem)
	}
	return nil
}

// check reads the files, and tells what to put right.
func (f *files) check() error {
	if _, err := tls.LoadX509KeyPair(f.certFile, f.keyFile); err != nil {
		return f.name(err)
	}
	return nil
}

// name says which files an error is about, and what they have to be.
func (f *files) name(err error) error {
	return fmt.Errorf("%s=%s and %s=%s: %w; put there a valid certificate in PEM form and the key that belongs to it",
		flagCertFile, f.certFile, flagKeyFile, f.keyFile, err)
}
