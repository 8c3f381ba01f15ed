package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
)

const (
	// fillClients is the number of concurrent clients that fill. The API server
	// is the limit.
	fillClients = 32
	// fillForm is the version of the data. Data of another version is created
	// again.
	fillForm = "1"
	// fillStep is the interval between progress messages.
	fillStep = 10 * time.Second
)

// filled makes sure that a data folder holds a number of runs. A folder that was
// filled under the same schema is used as it is.
func (b *bench) filled(ctx context.Context, runs int) (folder string, err error) {
	folder = filepath.Join(b.data, "runs-"+strconv.Itoa(runs))
	want, err := fillMark()
	if err != nil {
		return "", err
	}
	mark := filepath.Join(folder, "filled")
	if got, err := os.ReadFile(mark); err == nil && string(got) == want { //nolint:gosec // in this benchmark's own folder
		b.progress("using the %d runs in %s again", runs, folder)
		return folder, nil
	}
	if err := os.RemoveAll(folder); err != nil { //nolint:gosec // the user names the folder
		return "", fmt.Errorf("clearing old runs: %w", err)
	}
	// Filling need not flush to disk, because the next measurements are reads.
	s, err := stack.Start(ctx, b.plane.At(folder, false))
	if err != nil {
		return "", err
	}
	if err := errors.Join(b.fill(ctx, s, runs), s.Stop()); err != nil {
		return "", err
	}
	if err := os.WriteFile(mark, []byte(want), 0o600); err != nil { //nolint:gosec // the user names the folder
		return "", fmt.Errorf("marking %s as filled: %w", folder, err)
	}
	return folder, nil
}

// fillMark returns the name of the filled data, with the schema that it conforms
// to.
func fillMark() (string, error) {
	schema, err := stack.Schema()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(schema)
	return fillForm + " " + hex.EncodeToString(sum[:]) + "\n", nil
}

// fill creates the runs as objects, through the API server, with two writes each.
func (b *bench) fill(ctx context.Context, s *stack.Stack, runs int) error {
	if err := s.EnsureNamespaces(ctx, oursNamespace, bareNamespace); err != nil {
		return err
	}
	objects, err := b.bareLoopLike(ctx, s, bareNamespace)
	if err != nil {
		return err
	}
	objects.namespace = oursNamespace
	var done atomic.Int64
	stop := b.showProgress("filling", runs, &done)
	defer stop()
	return load.Repeat(ctx, fillClients, runs, func(ctx context.Context, number int) error {
		run, err := objects.create(ctx, objects.forms.specOf(number))
		if err != nil {
			return err
		}
		done.Add(1)
		return objects.setStatus(ctx, run, objects.forms.statusOf(number))
	})
}

// bareLoopLike returns a loop whose objects are like one that the operator made.
// The operator runs in the namespace only to make that one.
func (b *bench) bareLoopLike(ctx context.Context, s *stack.Stack, namespace string) (*bareLoop, error) {
	o, err := s.StartOperator(ctx, b.operator, namespace)
	if err != nil {
		return nil, err
	}
	client := load.NewClient(o.Base, 1)
	taken, err := takeForms(ctx, s, client, namespace)
	client.Close()
	if err := errors.Join(err, o.Stop()); err != nil {
		return nil, err
	}
	rest, err := newBareClient(s.Config())
	return &bareLoop{client: rest, namespace: namespace, forms: taken}, err
}

// showProgress periodically prints the progress of an operation until it is
// stopped.
func (b *bench) showProgress(what string, of int, done *atomic.Int64) (stop func()) {
	begin := time.Now()
	ended := make(chan struct{})
	go func() {
		tick := time.NewTicker(fillStep)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				n := done.Load()
				b.progress("  %s: %d of %d, %.0f/s", what, n, of, float64(n)/time.Since(begin).Seconds())
			case <-ended:
				return
			}
		}
	}()
	return func() {
		close(ended)
		b.progress("  %s: %d in %s", what, done.Load(), time.Since(begin).Round(time.Second))
	}
}
