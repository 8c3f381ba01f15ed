package app

import (
	"fmt"
	"log/slog"

	kuberest "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/crdschema"
)

// addSchemaCheck adds a comparison of the installed CRDs with those of this
// version to the manager.
func addSchemaCheck(config *kuberest.Config, mgr manager.Manager, log *slog.Logger) (*crdschema.Check, error) {
	server, _, err := kuberest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the address of the API server: %w", err)
	}
	check, err := crdschema.New(crdschema.Options{
		Client: mgr.GetHTTPClient(), Server: server,
		Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Log: log,
	})
	if err != nil {
		return nil, err
	}
	return check, mgr.Add(check)
}
