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

// fileInterval is the interval between reads of the files, in case a change caused no
// event.
const fileInterval = 10 * time.Second

// files reads the certificate from files that another program renews.
type files struct {
	certFile string
	keyFile  string
	clock    clock.PassiveClock
	log      *slog.Logger
	current  *current
	interval time.Duration

	watcher *certwatcher.CertWatcher
}

// load reads the files.
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
		return f.explain(err)
	}
	if err := checkValidity(certificate.Leaf, f.clock.Now()); err != nil {
		return f.explain(err)
	}
	f.watcher = watcher.WithWatchInterval(f.interval)
	f.current.set(certificate)
	return nil
}

// run watches the files. The watcher reads them at each event and at intervals; run
// decides whether the content is used, and reports errors.
func (f *files) run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	f.watcher.RegisterCallback(func(tls.Certificate) { // the callback may run under the watcher's lock
		select {
		case changed <- struct{}{}:
		default: // a reload is pending
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
		f.current.report(ctx, f.reload())
	}
}

// reload reads the files again. It returns an error that names the fix.
func (f *files) reload() error {
	if err := f.watcher.ReadCertificate(); err != nil {
		// The files may have been rotated between the two reads. Then they match now.
		if problem := f.check(); problem != nil {
			return problem
		}
	}
	return f.adopt()
}

// adopt makes the certificate of the watcher the current one, unless only the current
// one is valid now.
func (f *files) adopt() error {
	candidate, err := f.watcher.GetCertificate(nil)
	if err != nil {
		return f.explain(err)
	}
	now := f.clock.Now()
	problem := checkValidity(candidate.Leaf, now)
	if problem == nil || checkValidity(f.current.certificate().Leaf, now) != nil {
		f.current.set(candidate)
	}
	if problem != nil {
		return f.explain(problem)
	}
	return nil
}

// check reads the files. It returns an error that names the fix.
func (f *files) check() error {
	if _, err := tls.LoadX509KeyPair(f.certFile, f.keyFile); err != nil {
		return f.explain(err)
	}
	return nil
}

// explain adds the files and the fix to an error.
func (f *files) explain(err error) error {
	return fmt.Errorf("%s=%s and %s=%s: %w; replace them with a valid certificate in PEM form and its key",
		flagCertFile, f.certFile, flagKeyFile, f.keyFile, err)
}
