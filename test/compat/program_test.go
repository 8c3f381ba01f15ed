//go:build apiserver

package compat

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/app"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// patience is the maximum time until the program is ready.
const patience = time.Minute

func TestProgram_respondsAsRecorded(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	replayAll(t, target{name: "whole program", flows: true, controllers: true}, &Player{Base: startProgram(t, env), Strict: true, Patience: replayPatience})
}

func TestProgram_agreesWithModel(t *testing.T) {
	t.Parallel()
	checkAgainstModel(t, startProgram(t, testenv.Start(t), "--unknown-flow-runs=running")) // the model has no flow runs
}

// startProgram runs the whole program in this process, with its own namespace, and returns the base URL of its
// API.
func startProgram(t *testing.T, env *testenv.Env, flags ...string) string {
	t.Helper()
	port, err := controlplane.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	namespace := env.Namespace(t)
	args := append([]string{
		"--kubeconfig=" + env.Kubeconfig(t), "--namespace=" + namespace, "--watch-namespaces=" + namespace,
		"--rest-bind-address=" + address, "--metrics-bind-address=0", "--health-bind-address=0",
	}, flags...)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	var failure error
	go func() {
		defer close(ended)
		failure = app.RunEmbedded(ctx, args, t.Output())
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if failure != nil {
			t.Errorf("the program ended with %v", failure)
		}
	})
	base := "http://" + address + "/api"
	awaitReady(t, base+"/ready", ended)
	return base
}

func awaitReady(t *testing.T, url string, ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := askReady(ctx, url)
		if err == nil {
			return
		}
		select {
		case <-ended:
			t.Fatal("the program ended before it was ready")
		case <-ctx.Done():
			t.Fatalf("the program was not ready within %s: %v", patience, err)
		case <-tick.C:
		}
	}
}

func askReady(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
