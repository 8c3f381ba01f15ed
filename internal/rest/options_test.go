package rest

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultOptionsAreValid(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestFlagsSetEveryOption(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	o.BindFlags(fs)
	err := fs.Parse([]string{
		"--rest-bind-address=[::1]:1", "--rest-base-path=", "--rest-prefect-version=3.0.0", "--rest-max-body-bytes=1",
		"--rest-max-header-bytes=2", "--rest-header-timeout=1s", "--rest-read-timeout=2s", "--rest-request-timeout=3s",
		"--rest-write-timeout=4s", "--rest-idle-timeout=5s", "--rest-shutdown-timeout=6s",
		"--rest-csrf-protection", "--rest-csrf-key-file=key", "--rest-allowed-hosts=box.test, ::1", "--rest-cors-origins=https://page.test,",
		"--rest-socket-ping-interval=7s", "--rest-socket-ping-timeout=8s", "--rest-socket-write-timeout=9s",
		"--rest-socket-hello-timeout=10s", "--rest-max-event-bytes=3", "--max-requests-in-flight=4", "--max-requests-per-caller=5",
		"--rest-max-body-values=14", "--rest-body-memory=16777216", "--rest-buffer-memory=1048576", "--rest-socket-frame-timeout=14s",
		"--max-unauthenticated=12", "--max-unauthenticated-per-address=13", "--rest-socket-auth-timeout=13s",
		"--max-websockets=6", "--rest-socket-recheck-interval=12s", "--rest-event-merge-window=0s", "--rest-event-record-timeout=11s",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		BindAddress: "[::1]:1", PrefectVersion: "3.0.0", CSRFProtection: true, CSRFKeyFile: "key", AllowedHosts: []string{"box.test", "::1"}, CORSOrigins: []string{"https://page.test"},
		MaxInFlight: 4, MaxPerCaller: 5,
		MaxUnauthenticated: 12, MaxUnauthenticatedPerAddress: 13, MaxBodyBytes: 1, MaxBodyValues: 14, BodyMemory: 16 << 20, BufferMemory: 1 << 20, MaxHeaderBytes: 2, HeaderTimeout: time.Second,
		ReadTimeout: 2 * time.Second, RequestTimeout: 3 * time.Second, WriteTimeout: 4 * time.Second,
		IdleTimeout: 5 * time.Second, ShutdownTimeout: 6 * time.Second,
		Sockets: SocketOptions{
			Most: 6, RecheckInterval: 12 * time.Second, PingInterval: 7 * time.Second, PingTimeout: 8 * time.Second, WriteTimeout: 9 * time.Second,
			AuthTimeout: 13 * time.Second, FrameTimeout: 14 * time.Second, HelloTimeout: 10 * time.Second, MaxEventBytes: 3, RecordTimeout: 11 * time.Second,
		},
	}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, arg := range map[string]string{
		"an address without a port":     "--rest-bind-address=127.0.0.1",
		"an address of all interfaces":  "--rest-bind-address=:4200",
		"an address others can reach":   "--rest-bind-address=192.0.2.1:4200",
		"a name that could be anything": "--rest-bind-address=example.test:4200",
		"a base that does not begin":    "--rest-base-path=api",
		"a base that ends with a slash": "--rest-base-path=/api/",
		"a key that protects nothing":   "--rest-csrf-key-file=key",
		"another major version":         "--rest-prefect-version=2.20.0",
		"no room for a body":            "--rest-max-body-bytes=0",
		"no room for headers":           "--rest-max-header-bytes=-1",
		"no room for logs and events":   "--rest-buffer-memory=1000",
		"no time for headers":           "--rest-header-timeout=0s",
		"no time to read":               "--rest-read-timeout=0s",
		"no time to work":               "--rest-request-timeout=-1s",
		"no time to write":              "--rest-write-timeout=0s",
		"no time between requests":      "--rest-idle-timeout=0s",
		"no time to end what has begun": "--rest-shutdown-timeout=0s",
		"no time between pings":         "--rest-socket-ping-interval=0s",
		"no time to answer a ping":      "--rest-socket-ping-timeout=0s",
		"no time to take a frame":       "--rest-socket-write-timeout=0s",
		"no time to shake hands":        "--rest-socket-hello-timeout=0s",
		"no room for an event":          "--rest-max-event-bytes=0",
		"events larger than frames":     "--rest-max-event-bytes=16777217",
		"less than no time to merge":    "--rest-event-merge-window=-1ms",
		"no time to record":             "--rest-event-record-timeout=0s",
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
