package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// options are the flags. Each has a variable of the Makefile, which hints name.
type options struct {
	data          string
	operator      string
	restAddress   string
	etcdPort      int
	apiServerPort int
	// operatorArgs are passed to the operator.
	operatorArgs []string
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.data, "data", ".data", "folder of all that is kept")
	flags.StringVar(&o.operator, "operator", filepath.Join("bin", "taskrun-operator"), "the program to run")
	flags.StringVar(&o.restAddress, "rest-address", "127.0.0.1:4200", "loopback address of REST")
	flags.IntVar(&o.etcdPort, "etcd-port", 12379, "loopback port of etcd; 0 for any")
	flags.IntVar(&o.apiServerPort, "apiserver-port", 16443, "loopback port of kube-apiserver; 0 for any")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.operatorArgs = flags.Args()
	var err error
	if o.data, err = filepath.Abs(o.data); err != nil {
		return o, fmt.Errorf("finding the data folder: %w", err)
	}
	return o, nil
}

// restPort returns the port of the REST address.
func (o options) restPort() (int, error) {
	_, port, err := net.SplitHostPort(o.restAddress)
	if err != nil {
		return 0, fmt.Errorf("REST address %q: %w", o.restAddress, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return 0, fmt.Errorf("REST address %q: its port is no number", o.restAddress)
	}
	return number, nil
}

// rest is the name of the operator's port in messages.
const rest = "REST"

// variables are the variables of the Makefile that select another port.
var variables = map[string]string{
	rest: "REST_ADDRESS=127.0.0.1:", "etcd": "ETCD_PORT=", "kube-apiserver": "APISERVER_PORT=",
}

// withHint adds the fix for the user to an error.
func withHint(err error) error {
	if busy, ok := errors.AsType[*controlplane.PortBusyError](err); ok {
		return fmt.Errorf("%w: end that program, or choose another port with `make run %s%d`",
			busy, variables[busy.Program], busy.Port+1)
	}
	if locked, ok := errors.AsType[*controlplane.LockedError](err); ok {
		return fmt.Errorf("%w, probably another `make run`: end that one, or keep the data elsewhere with `make run DATA=folder`", locked)
	}
	return err
}
