package rest

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultOptions_areValid(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestBindFlags_setsEveryOption(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	o.BindFlags(fs)
	err := fs.Parse([]string{
		"--rest-bind-address=[::1]:1", "--rest-base-path=", "--rest-prefect-version=3.0.0", "--rest-max-body-bytes=1",
		"--rest-max-header-bytes=2", "--rest-request-timeout=3s",
		"--rest-idle-timeout=5s", "--rest-shutdown-timeout=6s",
		"--rest-csrf-protection", "--rest-csrf-key-file=key", "--rest-allowed-hosts=box.test, ::1", "--rest-cors-origins=https://page.test,",
		"--rest-socket-ping-interval=7s",
		"--max-requests-in-flight=4", "--max-requests-per-caller=5",
		"--rest-max-body-values=14", "--rest-body-memory=16777216", "--rest-buffer-memory=1048576",
		"--max-unauthenticated=12", "--max-unauthenticated-per-address=13",
		"--max-websockets=6",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultOptions()
	want.BindAddress, want.BasePath, want.PrefectVersion = "[::1]:1", "", "3.0.0"
	want.CSRFProtection, want.CSRFKeyFile = true, "key"
	want.AllowedHosts, want.CORSOrigins = []string{"box.test", "::1"}, []string{"https://page.test"}
	want.MaxInFlight, want.MaxPerCaller, want.MaxUnauthenticated, want.MaxUnauthenticatedPerAddress = 4, 5, 12, 13
	want.MaxBodyBytes, want.MaxBodyValues, want.BodyMemory, want.BufferMemory, want.MaxHeaderBytes = 1, 14, 16<<20, 1<<20, 2
	want.RequestTimeout, want.IdleTimeout, want.ShutdownTimeout = 3*time.Second, 5*time.Second, 6*time.Second
	want.Sockets.Most, want.Sockets.PingInterval = 6, 7*time.Second
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestOptions_errorNamesTheFlag(t *testing.T) {
	t.Parallel()
	for name, arg := range map[string]string{
		"an address without a port":                     "--rest-bind-address=127.0.0.1",
		"an address of all interfaces":                  "--rest-bind-address=:4200",
		"an address that other machines can reach":      "--rest-bind-address=192.0.2.1:4200",
		"a host name, which can resolve to any address": "--rest-bind-address=example.test:4200",
		"a base path without a leading slash":           "--rest-base-path=api",
		"a base path with a trailing slash":             "--rest-base-path=/api/",
		"a CSRF key without CSRF protection":            "--rest-csrf-key-file=key",
		"another major version":                         "--rest-prefect-version=2.20.0",
		"no memory for a body":                          "--rest-max-body-bytes=0",
		"no bytes for headers":                          "--rest-max-header-bytes=-1",
		"no memory for logs and events":                 "--rest-buffer-memory=1000",
		"no time for requests":                          "--rest-request-timeout=-1s",
		"no idle time":                                  "--rest-idle-timeout=0s",
		"no shutdown time":                              "--rest-shutdown-timeout=0s",
		"no ping interval":                              "--rest-socket-ping-interval=0s",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := DefaultOptions()
			fs := flag.NewFlagSet("", flag.ContinueOnError)
			fs.SetOutput(io.Discard)
			o.BindFlags(fs)
			if err := fs.Parse([]string{arg}); err != nil {
				t.Fatal(err)
			}
			flagName, _, _ := strings.Cut(arg, "=")
			if _, err := New(o, Dependencies{}); err == nil || !strings.Contains(err.Error(), flagName) {
				t.Errorf("error = %v, want one naming %s", err, flagName)
			}
		})
	}
}
