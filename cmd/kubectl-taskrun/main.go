// Command kubectl-taskrun is a kubectl plugin: `kubectl taskrun` lists task runs
// and changes their states.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/kubectl"
)

// completes is the name of the program that kubectl runs to complete arguments of
// `kubectl taskrun`. A link to this program is enough.
const completes = "kubectl_complete-taskrun"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	args := os.Args[1:]
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == completes {
		args = append([]string{"__complete"}, args...)
	}
	code := kubectl.Run(ctx, kubectl.Options{
		Streams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		Clock:   clock.RealClock{},
		Zone:    time.Local,
	}, args)
	os.Exit(code) //nolint:gocritic // nothing is left to stop
}
