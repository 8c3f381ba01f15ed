package app

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestProblem_isOneLine(t *testing.T) {
	t.Parallel()
	inner := errors.New("--log-format must be text or json")
	foreign := errors.New("  second\r\nthird\n") //nolint:revive // the format of other programs
	err := asProblem(errors.Join(inner, foreign))
	if want := "--log-format must be text or json; second; third"; err.Error() != want {
		t.Errorf("error = %q, want %q", err, want)
	}
	if !errors.Is(err, inner) {
		t.Error("the problem lost its error")
	}
	if asProblem(nil) != nil {
		t.Error("no error became a problem")
	}
}

func TestExplainBusy(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, busy := net.Listen("tcp", taken.Addr().String())
	if !errors.Is(busy, syscall.EADDRINUSE) {
		t.Fatalf("listening twice: %v", busy)
	}
	cases := map[string]struct {
		err      error
		address  string
		wantFlag bool
	}{
		"a busy address with its flag": {err: busy, address: taken.Addr().String(), wantFlag: true},
		"a wrapped error":              {err: fmt.Errorf("starting: %w", busy), address: taken.Addr().String(), wantFlag: true},
		"an option with a host name":   {err: busy, address: "localhost:" + port, wantFlag: true},
		"an address of no flag":        {err: busy, address: "127.0.0.1:1"},
		"another error":                {err: errors.New("no"), address: taken.Addr().String()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := explainBusy(tc.err, map[string]string{"--x-bind-address": tc.address, "--other": "127.0.0.1:2"})
			if tc.wantFlag != strings.Contains(got.Error(), "--x-bind-address") {
				t.Errorf("error = %v, names the flag: want %v", got, tc.wantFlag)
			}
			if !tc.wantFlag && got != tc.err { //nolint:errorlint // compares identity
				t.Errorf("error = %v, want it unchanged", got)
			}
		})
	}
}
