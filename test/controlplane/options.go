// Package controlplane runs a Kubernetes control plane of two processes, etcd and kube-apiserver, on loopback.
// Tests use it with a folder that is thrown away, "make run" with one that survives.
package controlplane

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// apiServerProgram is the name of the program, and of its process.
const apiServerProgram = "kube-apiserver"

// Options say where a control plane keeps its data and where it listens.
type Options struct {
	// Assets is the folder that holds the programs etcd and kube-apiserver.
	Assets string
	// Data is the folder of everything that is kept: etcd's data, certificates, logs. It is created if missing, and
	// one control plane at a time may use it.
	Data string
	// EtcdPort and APIServerPort are loopback ports. 0 means any free one.
	EtcdPort, APIServerPort int
	// Durable makes etcd flush every write to disk. Tests leave it off: they lose nothing that matters.
	Durable bool
	// APIServerGOGC is how much garbage kube-apiserver may make before it collects it, in percent of what lives (GOGC). 0
	// leaves it as it comes, which is 100: less memory, more CPU.
	APIServerGOGC int
	// APIServerFeatureGates are feature gates of kube-apiserver, as its flag takes them:
	// "CBORServingAndStorage=true". Empty leaves all as they come.
	APIServerFeatureGates string
	// ReadyTimeout bounds the wait for each of the two processes. 0 means three minutes: a busy
	// machine takes one.
	ReadyTimeout time.Duration
}

func (o Options) readyTimeout() time.Duration {
	if o.ReadyTimeout > 0 {
		return o.ReadyTimeout
	}
	return 3 * time.Minute
}

// env is what a program of the control plane is told by its environment.
func (o Options) env(program string) []string {
	if program != apiServerProgram || o.APIServerGOGC == 0 {
		return nil
	}
	return []string{"GOGC=" + strconv.Itoa(o.APIServerGOGC)}
}

// apiServerArgs are the arguments of kube-apiserver that follow from what was asked for.
func (o Options) apiServerArgs() []string {
	if o.APIServerFeatureGates == "" {
		return nil
	}
	return []string{"--feature-gates=" + o.APIServerFeatureGates}
}

// PortBusyError says that a port which was asked for belongs to another program.
type PortBusyError struct {
	// Program is what wanted the port.
	Program string
	// Port is on loopback.
	Port int
}

func (e *PortBusyError) Error() string {
	return fmt.Sprintf("port %d of %s is in use by another process", e.Port, e.Program)
}

// errPortTaken marks a free port that another process took between choosing it and listening on it.
var errPortTaken = errors.New("another process has taken the port")

// FreePort returns a loopback port that was free a moment ago.
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
