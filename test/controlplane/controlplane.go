package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// startTries is the maximum number of starts on a free port, because another program can take the port before the
// start.
const startTries = 3

// ControlPlane is a running etcd and kube-apiserver. It is not safe for concurrent use.
type ControlPlane struct {
	options     Options
	credentials *credentials
	release     release
	etcdPort    int
	serverPort  int
	etcd        *Process
	server      *Process
}

// Start starts etcd, then kube-apiserver, and returns when both are ready. After an error, no process is left running.
// The error is a *PortBusyError if a requested port is in use.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	data, err := filepath.Abs(o.Data)
	if err != nil {
		return nil, fmt.Errorf("finding the data folder: %w", err)
	}
	o.Data = data
	c := &ControlPlane{options: o}
	if err := os.MkdirAll(filepath.Join(data, "logs"), 0o700); err != nil {
		return nil, fmt.Errorf("creating the data folder: %w", err)
	}
	if c.credentials, err = loadCredentials(filepath.Join(data, "credentials")); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *ControlPlane) start(ctx context.Context) error {
	var err error
	c.etcdPort, c.etcd, err = startOn(ctx, "etcd", c.options.EtcdPort, c.startEtcd)
	if err != nil {
		return err
	}
	if c.release, err = releaseOf(ctx, filepath.Join(c.options.Assets, apiServerProgram)); err != nil {
		return err
	}
	c.serverPort, c.server, err = startOn(ctx, apiServerProgram, c.options.APIServerPort, c.startServer)
	return err
}

// startOn starts a program on the requested port, or on any free one.
func startOn(
	ctx context.Context, program string, asked int, start func(context.Context, int) (*Process, error),
) (int, *Process, error) {
	if asked != 0 {
		if err := CheckPort(program, asked); err != nil {
			return 0, nil, err
		}
		p, err := start(ctx, asked)
		return asked, p, err
	}
	for try := 1; ; try++ {
		port, err := FreePort()
		if err != nil {
			return 0, nil, err
		}
		p, err := start(ctx, port)
		if err == nil || try == startTries || !errors.Is(err, errPortTaken) {
			return port, p, err
		}
	}
}

func (c *ControlPlane) startEtcd(ctx context.Context, port int) (*Process, error) {
	url := "https://" + loopback(port)
	client, err := c.credentials.etcd.client()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	args := []string{
		"--data-dir=" + filepath.Join(c.options.Data, "etcd"),
		"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
		"--listen-peer-urls=http://127.0.0.1:0", // unused, because there is only one member
		"--log-level=warn",
		// Old revisions are not needed, and would fill the data folder over time.
		"--auto-compaction-mode=periodic", "--auto-compaction-retention=5m",
	}
	args = append(args, c.credentials.etcd.serverArgs()...)
	if !c.options.Durable {
		args = append(args, "--unsafe-no-fsync")
	}
	return c.launch(ctx, "etcd", args, func(ctx context.Context) error {
		return healthy(ctx, client, url+"/health")
	})
}

func (c *ControlPlane) startServer(ctx context.Context, port int) (*Process, error) {
	url := "https://" + loopback(port)
	client, err := rest.HTTPClientFor(c.configFor(port))
	if err != nil {
		return nil, fmt.Errorf("preparing a client of kube-apiserver: %w", err)
	}
	defer client.CloseIdleConnections()
	args := []string{
		"--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		// The advertised address is for pods, which do not exist here, and must not be a loopback address there.
		"--endpoint-reconciler-type=none",
		"--etcd-servers=https://" + loopback(c.etcdPort),
		"--tls-cert-file=" + c.credentials.certFile, "--tls-private-key-file=" + c.credentials.keyFile,
		"--cert-dir=" + filepath.Dir(c.credentials.certFile),
		"--token-auth-file=" + c.credentials.tokenFile,
		"--authorization-mode=Node,RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.credentials.serviceAccountFile,
		"--service-account-signing-key-file=" + c.credentials.serviceAccountFile,
		"--service-cluster-ip-range=10.96.0.0/16",
		// No controller creates the default service account that this plug-in requires for every pod.
		"--disable-admission-plugins=ServiceAccount",
		// Without this option, kube-apiserver waits up to a minute for watches before it stops; with it, two seconds.
		"--shutdown-send-retry-after=true",
		"--v=1",
	}
	args = append(args, c.options.apiServerArgs()...)
	args = append(args, c.credentials.etcd.clientArgs()...)
	args = append(args, c.credentials.frontProxy.args(c.release)...)
	return c.launch(ctx, apiServerProgram, args, func(ctx context.Context) error {
		return healthy(ctx, client, url+"/readyz")
	})
}

// launch starts a program and waits until it is ready. If it does not become ready, launch stops it.
func (c *ControlPlane) launch(
	ctx context.Context, program string, args []string, ready func(context.Context) error,
) (*Process, error) {
	logPath := filepath.Join(c.options.Data, "logs", program+".log")
	output, err := os.Create(logPath) //nolint:gosec // in the caller's folder
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", program, err)
	}
	// The process has a descriptor of its own.
	defer func() { _ = output.Close() }()
	p, err := StartProcess(Command{
		Name: program, Path: filepath.Join(c.options.Assets, program), Args: args, Env: c.options.env(program), PIDFolder: c.options.Data, Output: output,
	})
	if err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx, c.options.readyTimeout(), ready); err != nil {
		if strings.Contains(logged(logPath), "address already in use") {
			err = errPortTaken
		}
		return nil, errors.Join(fmt.Errorf("%w (log %s: %s)", err, logPath, lastLine(logPath)), p.Kill())
	}
	return p, nil
}

func healthy(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking for health: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking for health: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

// StopAPIServer stops kube-apiserver and returns when its port is free. etcd keeps running, so no data is lost.
func (c *ControlPlane) StopAPIServer() error {
	err := c.server.Stop()
	c.server = nil
	return err
}

// StartAPIServer starts kube-apiserver again, on the same port and data. It does nothing if it is running.
func (c *ControlPlane) StartAPIServer(ctx context.Context) error {
	if c.server != nil {
		return nil
	}
	server, err := c.startServer(ctx, c.serverPort)
	c.server = server
	return err
}

// Stop stops both processes: the API server first, because it cannot stop in order without etcd.
func (c *ControlPlane) Stop() error {
	return errors.Join(c.StopAPIServer(), c.etcd.Stop())
}

// Processes returns the two running processes.
func (c *ControlPlane) Processes() map[string]*Process {
	return map[string]*Process{"etcd": c.etcd, apiServerProgram: c.server}
}

// Config returns a new copy of the administrator's configuration, without a rate limit.
func (c *ControlPlane) Config() *rest.Config { return c.configFor(c.serverPort) }

func (c *ControlPlane) configFor(port int) *rest.Config {
	return &rest.Config{
		Host:            "https://" + loopback(port),
		BearerToken:     c.credentials.token,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.credentials.certificate},
		QPS:             -1,
	}
}

// WriteKubeconfig writes the administrator's kubeconfig, readable by the owner only.
func (c *ControlPlane) WriteKubeconfig(path string) error {
	const name = "taskrun"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server: "https://" + loopback(c.serverPort), CertificateAuthorityData: c.credentials.certificate,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: c.credentials.token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}
