package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

func TestParse_passesArgumentsAfterTheFlags(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-data", "/somewhere", "-rest-address", "127.0.0.1:1", "--", "--log-level=debug"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := options{
		data: "/somewhere", operator: filepath.Join("bin", "taskrun-operator"), restAddress: "127.0.0.1:1",
		etcdPort: 12379, apiServerPort: 16443, operatorArgs: []string{"--log-level=debug"},
	}
	if diff := cmp.Diff(want, o, cmp.AllowUnexported(options{})); diff != "" {
		t.Error(diff)
	}
}

func TestRESTPort_ofAnAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		address string
		want    int
		wantErr bool
	}{
		"an address":         {address: "127.0.0.1:4200", want: 4200},
		"an address of IPv6": {address: "[::1]:4300", want: 4300},
		"no port":            {address: "127.0.0.1", wantErr: true},
		"a named port":       {address: "127.0.0.1:http", wantErr: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := options{restAddress: tt.address}.restPort()
			if got != tt.want || (err != nil) != tt.wantErr {
				t.Errorf("got %d, %v; want %d and an error: %t", got, err, tt.want, tt.wantErr)
			}
		})
	}
}

func TestWithHint_namesTheFix(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want string
	}{
		"a busy port of REST": {
			err: &controlplane.PortBusyError{Program: rest, Port: 4200}, want: "make run REST_ADDRESS=127.0.0.1:4201",
		},
		"a busy port of etcd": {
			err: fmt.Errorf("starting: %w", &controlplane.PortBusyError{Program: "etcd", Port: 12379}), want: "make run ETCD_PORT=12380",
		},
		"data in use":   {err: &controlplane.LockedError{Data: "/d", Holder: "7"}, want: "make run DATA="},
		"another error": {err: errors.New("no such thing"), want: "no such thing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := withHint(tt.err).Error()
			if !strings.Contains(got, tt.want) || strings.Contains(got, "\n") {
				t.Errorf("got %q, want one line with %q", got, tt.want)
			}
		})
	}
}
