// Package stack starts the measured programs: etcd and kube-apiserver on loopback,
// our CRD, and the operator. It reads the resource usage of their processes.
package stack

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// Stack is a control plane with our CRD.
type Stack struct {
	*controlplane.ControlPlane
	data string
}

// Options configure the control plane.
type Options struct {
	Data    string // its folder; a folder of an earlier control plane is reused
	Durable bool   // flushes every write to disk, as measurements of writes require
	GOGC    int    // of kube-apiserver, in percent; 0: the default
	// FeatureGates is the value of kube-apiserver's flag. If it is empty, the
	// defaults apply.
	FeatureGates string
}

// BindFlags registers flags for the options that a measurement does not set.
func (o *Options) BindFlags(flags *flag.FlagSet) {
	flags.IntVar(&o.GOGC, "apiserver-gogc", 0, "GOGC of kube-apiserver: how much garbage it may make before it collects, in percent of what lives; 0: as it comes, which is 100")
	flags.StringVar(&o.FeatureGates, "apiserver-feature-gates", "", "feature gates of kube-apiserver, for instance CBORServingAndStorage=true; empty: as they come")
}

// At returns the options with this folder.
func (o Options) At(data string, durable bool) Options {
	o.Data, o.Durable = data, durable
	return o
}

// Start starts a control plane.
func Start(ctx context.Context, o Options) (*Stack, error) {
	data, err := filepath.Abs(o.Data)
	if err != nil {
		return nil, fmt.Errorf("finding the data folder: %w", err)
	}
	crds, err := crdFolder()
	if err != nil {
		return nil, err
	}
	repository, err := controlplane.Repository()
	if err != nil {
		return nil, fmt.Errorf("finding the programs: %w", err)
	}
	assets, err := controlplane.Assets(repository)
	if err != nil {
		return nil, fmt.Errorf("finding the programs: %w", err)
	}
	plane, err := controlplane.Start(ctx, controlplane.Options{
		Assets: assets, Data: data, Durable: o.Durable, APIServerGOGC: o.GOGC, APIServerFeatureGates: o.FeatureGates,
	})
	if err != nil {
		return nil, fmt.Errorf("starting a control plane: %w", err)
	}
	if err := controlplane.ApplyCRDs(ctx, plane.Config(), crds); err != nil {
		return nil, errors.Join(fmt.Errorf("applying the CRD: %w", err), plane.Stop())
	}
	return &Stack{ControlPlane: plane, data: data}, nil
}

func crdFolder() (string, error) {
	repository, err := controlplane.Repository()
	if err != nil {
		return "", fmt.Errorf("finding the CRD: %w", err)
	}
	return filepath.Join(repository, "config", "crd", "bases"), nil
}

// Schema returns the text of our CRD. Runs kept under another schema cannot be
// used.
func Schema() ([]byte, error) {
	folder, err := crdFolder()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("finding the CRD: %w", err)
	}
	var schema []byte
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
		if err != nil {
			return nil, fmt.Errorf("reading the CRD: %w", err)
		}
		schema = append(schema, text...)
	}
	return schema, nil
}

// EnsureNamespaces creates the missing namespaces.
func (s *Stack) EnsureNamespaces(ctx context.Context, names ...string) error {
	client, err := corev1client.NewForConfig(s.Config())
	if err != nil {
		return fmt.Errorf("preparing a client: %w", err)
	}
	for _, name := range names {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err := client.Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("creating the namespace %s: %w", name, err)
		}
	}
	return nil
}

// PIDs returns the processes of the control plane, by name.
func (s *Stack) PIDs() map[string]int {
	pids := map[string]int{}
	for name, process := range s.Processes() {
		pids[name] = process.PID()
	}
	return pids
}
