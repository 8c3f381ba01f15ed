//go:build apiserver

package manifests

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/taskrun-dev/taskrun-operator/internal/app"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// patience is the timeout of each wait.
const patience = time.Minute

// unused lists grants that the scenarios need not use, because client-go and timing decide, with the reason for each
// grant.
var unused = map[string]string{
	"taskrun-manager-role: patch events.events.k8s.io": "client-go patches an Event that is emitted again of the same version of a run: by a reconciliation that is done again",
	"taskrun-manager-role: get namespaces":             "with --watch-namespaces, each namespace is read by itself",
	"taskrun-manager-role: list namespaces":            "client-go watches without a list first, where the API server streams lists",

	"taskrun-manager-role: list stateproposals.taskrun.dev": "client-go lists where the API server does not stream the objects that are there",
	"taskrun-manager-role: patch taskruns.taskrun.dev":      "a run is fenced whose claim of a slot was not followed by its RUNNING: a program died, or a write was lost",

	"taskrun-manager-role: set-data taskruns.taskrun.dev": "taskrun-initial-state-policy asks for it, which no request shows",
	"taskrun-manager-role: set-data flowruns.taskrun.dev": "taskrun-initial-state-policy asks for it, which no request shows",

	"extension-apiserver-authentication-reader: get configmaps extension-apiserver-authentication":   "the cluster's own Role",
	"extension-apiserver-authentication-reader: list configmaps extension-apiserver-authentication":  "the cluster's own Role",
	"extension-apiserver-authentication-reader: watch configmaps extension-apiserver-authentication": "the cluster's own Role",
}

// The operator has exactly the permissions that it needs: the whole program runs as its ServiceAccount, with only the
// roles of config/default and the component aggregation, and uses all of its features.
func TestPermissions_operatorUsesWhatItIsGranted(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	objects, front := c.installed(t, "default", "aggregation")
	args := deployment(t, objects).Spec.Template.Spec.Containers[0].Args
	c.runEverything(t, front, args)
	granted := c.grants(t, objects)
	calls := front.made()
	allGranted(t, granted, calls)
	for _, g := range granted {
		if unused[g.String()] == "" && !slices.ContainsFunc(calls, g.covers) {
			t.Errorf("granted and never used: %s", g)
		}
	}
	for name := range unused {
		if !slices.ContainsFunc(granted, func(g grant) bool { return g.String() == name }) {
			t.Errorf("excused, and not granted: %s", name)
		}
	}
}

// An operator of one namespace needs only a Role there.
func TestPermissions_operatorOfOneNamespaceNeedsOnlyARole(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	objects, front := c.installed(t, home, "namespaced")
	args := deployment(t, objects).Spec.Template.Spec.Containers[0].Args
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "$(POD_NAMESPACE)", home)
	}
	r := c.start(t, front.URL, args)
	runs(t, r)
	limits(t, r)
	r.stop()
	// The ClusterRole is for cluster-scoped resources, which a Role cannot grant.
	granted := append(c.grants(t, without(objects, "ClusterRoleBinding /taskrun-auth-delegator")),
		grant{verb: "create", group: "authentication.k8s.io", resource: "tokenreviews"},
		grant{verb: "create", group: "authorization.k8s.io", resource: "subjectaccessreviews"})
	for _, g := range granted {
		if g.namespace == "" && !strings.HasSuffix(g.resource, "reviews") {
			t.Errorf("granted in all namespaces: %s", g)
		}
	}
	allGranted(t, granted, front.made())
}

// installed installs config/default with components, and lets a ServiceAccount use REST in the served namespace. It
// returns the installed objects, and a proxy for the operator's own ServiceAccount.
func (c *cluster) installed(t *testing.T, served string, components ...string) (Objects, *recorder) {
	t.Helper()
	c.apply(t, writeOverlay(t, home, components...))
	c.publishFrontProxy(t)
	c.kubectl(t, nil, "create", "serviceaccount", "worker")
	c.kubectl(t, nil, "create", "rolebinding", "prefect", "--clusterrole=taskrun-worker-role", "--serviceaccount=default:worker", "--namespace", served)
	return overlay(t, home, components...), record(t, c.as(t, home, manager))
}

// allGranted finds calls that were rejected, or that other roles than ours permitted.
func allGranted(t *testing.T, granted []grant, calls []call) {
	t.Helper()
	if len(calls) == 0 {
		t.Fatal("nothing was called")
	}
	for _, made := range calls {
		if made.status == http.StatusForbidden || made.status == http.StatusUnauthorized {
			t.Errorf("refused: %+v", made)
		}
		if made.path == "" && !slices.ContainsFunc(granted, func(g grant) bool { return g.covers(made) }) {
			t.Errorf("allowed by something else than our roles: %+v", made)
		}
	}
}

// frontProxy creates the ConfigMap of the aggregation layer, which the API server of the tests does not have.
const frontProxy = `
apiVersion: v1
kind: ConfigMap
metadata: {name: extension-apiserver-authentication, namespace: kube-system}
data:
  requestheader-allowed-names: '["front-proxy"]'
  requestheader-username-headers: '["X-Remote-User"]'
  requestheader-group-headers: '["X-Remote-Group"]'
  requestheader-extra-headers-prefix: '["X-Remote-Extra-"]'
  requestheader-client-ca-file: |
    `

func (c *cluster) publishFrontProxy(t *testing.T) {
	t.Helper()
	authority := strings.ReplaceAll(strings.TrimSpace(string(c.Config.CAData)), "\n", "\n    ")
	c.kubectl(t, []byte(frontProxy+authority+"\n"), "apply", "--server-side", "--force-conflicts", "-f", "-")
}

// as returns the configuration with the identity of a ServiceAccount.
func (c *cluster) as(t *testing.T, namespace, name string, audiences ...string) *rest.Config {
	t.Helper()
	config := rest.AnonymousClientConfig(c.Config)
	config.BearerToken = c.token(t, namespace, name, audiences...)
	config.QPS = -1
	return config
}

func (c *cluster) token(t *testing.T, namespace, name string, audiences ...string) string {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	made, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("a token of %s/%s: %v", namespace, name, err)
	}
	return made.Status.Token
}

// replica is a running program, as one client of it sees it.
type replica struct {
	base   string // of its API
	client *http.Client
	token  string
	stop   func()
}

// start runs the whole program in this process with the flags of a Deployment, as one of several replicas, on the API
// server at this address. The additional flags follow.
func (c *cluster) start(t *testing.T, apiServer string, args []string, more ...string) *replica {
	t.Helper()
	port, err := controlplane.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	args = append(slices.Clone(args), "--kubeconfig="+kubeconfigOf(t, apiServer), "--leader-election-namespace="+home,
		"--rest-bind-address="+net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), "--metrics-bind-address=0", "--health-bind-address=0")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- app.RunEmbedded(ctx, append(args, more...), t.Output()) }()
	r := &replica{base: "https://" + net.JoinHostPort("localhost", strconv.Itoa(port)) + "/api", token: c.token(t, "default", "worker", "taskrun.dev")}
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	t.Cleanup(r.stop)
	eventually(t, "the program is ready", func() error {
		if r.client, err = c.trusting(t); err != nil {
			return err
		}
		return r.ask(t, http.MethodGet, "/ready", "", nil)
	})
	return r
}

// trusting returns a client that trusts only the CA that the operator publishes.
func (c *cluster) trusting(t *testing.T) (*http.Client, error) {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return nil, err
	}
	published, err := client.CoreV1().ConfigMaps(home).Get(t.Context(), "taskrun-rest-ca", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	config := &rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: []byte(published.Data["ca.crt"])}}
	return rest.HTTPClientFor(config)
}

// kubeconfigOf writes a kubeconfig without credentials, because the proxy adds them.
func kubeconfigOf(t *testing.T, apiServer string) string {
	t.Helper()
	const name = "front"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: apiServer}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name}
	config.CurrentContext = name
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually repeats the check until it returns no error.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		case <-tick.C:
		}
	}
}

// has returns an error until the proxy has recorded a call like this one.
func (r *recorder) has(verb, resource string) func() error {
	return func() error {
		if slices.ContainsFunc(r.made(), func(c call) bool {
			return c.verb == verb && grant{group: c.group, resource: c.resource}.what() == resource
		}) {
			return nil
		}
		return fmt.Errorf("no %s of %s", verb, resource)
	}
}
