package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// connectTimeout is the maximum time of the first call to the API server.
const connectTimeout = 10 * time.Second

// installCommand installs the CRDs.
const installCommand = "kubectl apply --server-side -k config/crd"

// KubernetesOptions configure the connection to the API server.
type KubernetesOptions struct {
	// Kubeconfig is the path of a kubeconfig; empty: $KUBECONFIG, then
	// ~/.kube/config, then the cluster the program runs in.
	Kubeconfig string
	// Timeout is the timeout of each call to the API server that reads or writes a
	// run.
	Timeout time.Duration
}

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *KubernetesOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig,
		"path of a kubeconfig (empty = $KUBECONFIG, else ~/.kube/config, else the cluster of the pod)")
	fs.DurationVar(&o.Timeout, "api-server-timeout", o.Timeout,
		"maximum time for kube-apiserver to read or write a TaskRun")
}

// Validate returns all invalid options, with the names of their flags.
func (o *KubernetesOptions) Validate() error {
	return checkPositive("--api-server-timeout", o.Timeout)
}

// Config returns the client configuration.
func (o *KubernetesOptions) Config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if o.Kubeconfig != "" {
		if _, err := os.Stat(o.Kubeconfig); err != nil {
			return nil, fmt.Errorf("--kubeconfig: %w", err)
		}
		rules.ExplicitPath = o.Kubeconfig
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, errors.New("no Kubernetes cluster to work with: give --kubeconfig, set KUBECONFIG, or run inside a cluster")
	case err != nil:
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return config, nil
}

// withClientSettings returns a copy of a configuration without client-side rate limits
// and without compression. The API server limits requests by priority and fairness. It
// would compress each watch event separately, which costs CPU time on both sides at
// every write.
func withClientSettings(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.DisableCompression = true
	config.UserAgent = "taskrun-operator/" + version.Get().Version
	return config
}

// checkCluster returns an error if the API server cannot be reached, rejects the
// program, or does not serve TaskRuns.
func checkCluster(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.Timeout = connectTimeout
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	var resources metav1.APIResourceList
	err = client.Get().AbsPath("/apis", v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version).Do(ctx).Into(&resources)
	served := slices.ContainsFunc(resources.APIResources, func(r metav1.APIResource) bool { return r.Name == "taskruns" })
	return explain(config.Host, served, err)
}

// explain returns the error for the result of checkCluster.
func explain(host string, served bool, err error) error {
	var status apierrors.APIStatus
	var transport *url.Error
	switch {
	case apierrors.IsNotFound(err), err == nil && !served:
		return fmt.Errorf("the cluster at %s does not know TaskRuns (%s): install them with %q",
			host, v1alpha1.GroupVersion, installCommand)
	case err == nil:
		return nil
	case errors.As(err, &status):
		return fmt.Errorf("the Kubernetes API server at %s refused: %w", host, err)
	case errors.As(err, &transport):
		return fmt.Errorf("cannot reach the Kubernetes API server at %s: %w", host, transport.Err)
	default:
		return fmt.Errorf("cannot reach the Kubernetes API server at %s: %w", host, err)
	}
}
