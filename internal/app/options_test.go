package app

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBindFlags_setsOptions(t *testing.T) {
	t.Parallel()
	got := DefaultOptions()
	_, err := got.parse([]string{
		"--kubeconfig=/x", "--namespace", "work", "--watch-namespaces=work, other",
		"--status-write-delay=1s", "--metrics-bind-address=0", "--health-bind-address=:8081",
		"--leader-elect", "--leader-election-namespace=system", "--shutdown-timeout=5s", "--rest-shutdown-timeout=1s",
		"--api-server-timeout=3s",
		"--log-format=json", "--log-level=debug",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultOptions()
	want.Kubernetes = KubernetesOptions{Kubeconfig: "/x", Timeout: 3 * time.Second}
	want.REST.ShutdownTimeout = time.Second
	want.Scope = ScopeOptions{Namespace: "work", Watch: []string{"work", "other"}}
	want.Controller.StatusWriteDelay = time.Second
	want.Manager = ManagerOptions{
		MetricsAddress: "0", HealthAddress: ":8081", LeaderElect: true, LeaseNamespace: "system", ShutdownTimeout: 5 * time.Second,
	}
	want.Log = LogOptions{Format: formatJSON, Level: slog.LevelDebug}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestOptions_errorNamesTheFlag(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"an unknown flag":                              {[]string{"--colour=red"}, "--colour"},
		"an invalid number":                            {[]string{"--concurrent-reconciles=many"}, "--concurrent-reconciles"},
		"a value out of range":                         {[]string{"--concurrent-reconciles=0"}, "--concurrent-reconciles"},
		"a positional argument":                        {[]string{"start"}, `"start"`},
		"an invalid namespace":                         {[]string{"--namespace=No_Such"}, "--namespace"},
		"an invalid namespace in the list":             {[]string{"--watch-namespaces=default,No_Such"}, "--watch-namespaces"},
		"a served namespace that is not watched":       {[]string{"--watch-namespaces=other"}, "--watch-namespaces"},
		"an address without a port":                    {[]string{"--metrics-bind-address=localhost"}, "--metrics-bind-address"},
		"no time for shutdown":                         {[]string{"--shutdown-timeout=0s"}, "--shutdown-timeout"},
		"a shutdown time below the request timeout":    {[]string{"--shutdown-timeout=10s"}, "--rest-shutdown-timeout"},
		"no timeout for the API server":                {[]string{"--api-server-timeout=0s"}, "--api-server-timeout"},
		"an unknown log format":                        {[]string{"--log-format=xml"}, "--log-format"},
		"an unknown log level":                         {[]string{"--log-level=loud"}, "--log-level"},
		"a REST address that other machines can reach": {[]string{"--rest-bind-address=0.0.0.0:4200"}, "--rest-bind-address"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			err := RunEmbedded(t.Context(), tc.args, &stderr)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error = %v, want one line naming %s", err, tc.want)
			}
			if stderr.Len() > 0 {
				t.Errorf("stderr = %q, want the error reported once, by the caller", &stderr)
			}
		})
	}
}

func TestHelp_listsEveryFlag(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	if err := RunEmbedded(t.Context(), []string{"--help"}, &help); err != nil {
		t.Fatal(err)
	}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	options := DefaultOptions()
	options.BindFlags(fs)
	fs.VisitAll(func(f *flag.Flag) {
		if !strings.Contains(help.String(), "--"+f.Name+" ") {
			t.Errorf("help does not list --%s", f.Name)
		}
		if f.Usage == "" {
			t.Errorf("--%s does not say what it is for", f.Name)
		}
	})
}

func TestVersion_isPrinted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := RunEmbedded(t.Context(), []string{"--version"}, &out); err != nil || !strings.HasPrefix(out.String(), "taskrun-operator ") {
		t.Errorf("output = %q, error %v", &out, err)
	}
}

func TestHelp_isNotAnError(t *testing.T) {
	t.Parallel()
	options := DefaultOptions()
	if _, err := options.parse([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("error = %v, want %v", err, flag.ErrHelp)
	}
}
