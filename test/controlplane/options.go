// Package controlplane runs a Kubernetes control plane of two processes, etcd and kube-apiserver, on loopback. Tests
// use it with a temporary folder, "make run" with a permanent one.
package controlplane

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// apiServerProgram is the name of the program and of its process.
const apiServerProgram = "kube-apiserver"

// Options configure the data and the ports of a control plane.
type Options struct {
	// Assets is the folder that holds the programs etcd and kube-apiserver.
	Assets string
	// Data is the folder of all persistent data: etcd's data, certificates, logs. It is created if it is missing. Only
	// one control plane at a time can use it.
	Data string
	// EtcdPort and APIServerPort are loopback ports. 0 means any free one.
	EtcdPort, APIServerPort int
	// Durable makes etcd flush every write to disk. Tests do not need it.
	Durable bool
	// APIServerGOGC is the GOGC of kube-apiserver, in percent. A higher value uses more memory and less CPU. 0 means
	// the default of 100.
	APIServerGOGC int
	// APIServerFeatureGates is the value of kube-apiserver's flag: "CBORServingAndStorage=true". Empty means the
	// defaults.
	APIServerFeatureGates string
	// ReadyTimeout is the timeout for each of the two processes. 0 means three minutes; a busy machine takes one.
	ReadyTimeout time.Duration
}

func (o Options) readyTimeout() time.Duration {
	if o.ReadyTimeout > 0 {
		return o.ReadyTimeout
	}
	return 3 * time.Minute
}

// env returns the environment variables of a program of the control plane.
func (o Options) env(program string) []string {
	if program != apiServerProgram || o.APIServerGOGC == 0 {
		return nil
	}
	return []string{"GOGC=" + strconv.Itoa(o.APIServerGOGC)}
}

// apiServerArgs returns the arguments of kube-apiserver that depend on the options.
func (o Options) apiServerArgs() []string {
	if o.APIServerFeatureGates == "" {
		return nil
	}
	return []string{"--feature-gates=" + o.APIServerFeatureGates}
}

// PortBusyError means that a requested port is used by another program.
type PortBusyError struct {
	// Program is the program that needs the port.
	Program string
	// Port is a loopback port.
	Port int
}

func (e *PortBusyError) Error() string {
	return fmt.Sprintf("port %d of %s is in use by another process", e.Port, e.Program)
}

// errPortTaken means that another process took a free port before the program listened on it.
var errPortTaken = errors.New("another process has taken the port")

// FreePort returns a loopback port that is free at the time of the call.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // bound and closed at once
	if err != nil {
		return 0, fmt.Errorf("choosing a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("choosing a free port: unexpected address %v", l.Addr())
	}
	return addr.Port, nil
}

// CheckPort returns a *PortBusyError if another process listens on the loopback port.
func CheckPort(program string, port int) error {
	l, err := net.Listen("tcp", loopback(port)) //nolint:noctx // bound and closed at once
	if err != nil {
		return &PortBusyError{Program: program, Port: port}
	}
	return l.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
