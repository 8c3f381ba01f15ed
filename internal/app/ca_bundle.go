package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	kuberest "k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/internal/rest"
)

// apiService is the path of the APIService object of this program.
const apiService = "/apis/apiregistration.k8s.io/v1/apiservices/" + rest.AggregatedVersion + "." + rest.AggregatedGroup

// bundleInterval is the time between two checks of the APIService.
const bundleInterval = 30 * time.Second

// caBundle updates the CA in the APIService, so that kube-apiserver can verify the
// certificate of --tls-self-signed. CAs of other certificates are set by their owner.
type caBundle struct {
	client    kuberest.Interface
	published typedcorev1.ConfigMapInterface
	name      string // of the ConfigMap in which clients find the CA
	log       *slog.Logger
}

// Start checks the APIService until the context ends.
func (b *caBundle) Start(ctx context.Context) error {
	ticker := time.NewTicker(bundleInterval)
	defer ticker.Stop()
	for {
		if err := b.update(ctx); err != nil && ctx.Err() == nil {
			b.log.LogAttrs(ctx, slog.LevelWarn, "updating the caBundle of the APIService failed, retrying", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// apiServiceSpec is the part of an APIService that is read and written.
type apiServiceSpec struct {
	Spec struct {
		CABundle []byte `json:"caBundle"`
	} `json:"spec"`
}

func (b *caBundle) update(ctx context.Context) error {
	published, err := b.published.Get(ctx, b.name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the CA: %w", err)
	}
	bundle := []byte(published.Data["ca.crt"])
	text, err := b.client.Get().AbsPath(apiService).Do(ctx).Raw()
	if err != nil {
		return fmt.Errorf("reading %s: %w", apiService, err)
	}
	var found apiServiceSpec
	if err := json.Unmarshal(text, &found); err != nil {
		return fmt.Errorf("reading %s: %w", apiService, err)
	}
	if bytes.Equal(found.Spec.CABundle, bundle) {
		return nil
	}
	found.Spec.CABundle = bundle
	patch, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if err := b.client.Patch(types.MergePatchType).AbsPath(apiService).Body(patch).Do(ctx).Error(); err != nil {
		return fmt.Errorf("writing the CA into %s: %w", apiService, err)
	}
	return nil
}
