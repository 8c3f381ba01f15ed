package kubectl

import (
	"context"
	"fmt"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery/registry"
)

// workerSet holds the workers that are connected to any replica.
type workerSet struct {
	workers map[string][]delivery.Worker // by their namespace of runs
}

// readWorkers reads the connected workers from the Leases of all operators in the
// cluster. Without the permission to list the Leases of all namespaces it reads
// those in the operator's own namespace.
func readWorkers(ctx context.Context, reader client.Reader, namespace string, now time.Time) (*workerSet, error) {
	var leases coordinationv1.LeaseList
	where := "any namespace"
	err := reader.List(ctx, &leases, client.HasLabels{registry.LabelServes})
	if apierrors.IsForbidden(err) {
		where = "the namespace " + namespace
		err = reader.List(ctx, &leases, client.InNamespace(namespace), client.HasLabels{registry.LabelServes})
	}
	if err != nil {
		return nil, err
	}
	if len(leases.Items) == 0 {
		return nil, fmt.Errorf("no replica of the operator has a Lease in %s", where)
	}
	f := &workerSet{workers: map[string][]delivery.Worker{}}
	for i := range leases.Items {
		if expired(&leases.Items[i], now) {
			continue
		}
		for served, workers := range registry.Workers(&leases.Items[i]) {
			f.workers[served] = append(f.workers[served], workers...)
		}
	}
	return f, nil
}

// expired reports whether the replica of a Lease has ended. Twice the duration of the
// Lease allows for different clocks.
func expired(lease *coordinationv1.Lease, now time.Time) bool {
	spec := &lease.Spec
	if spec.RenewTime == nil || spec.LeaseDurationSeconds == nil {
		return true
	}
	return now.Sub(spec.RenewTime.Time) > 2*time.Duration(*spec.LeaseDurationSeconds)*time.Second
}

// serving returns the number of workers that serve this task. A worker with too many
// task keys for its Lease counts.
func (f *workerSet) serving(namespace, taskKey string) int {
	ids := map[string]bool{}
	for _, worker := range f.workers[namespace] {
		if len(worker.TaskKeys) == 0 || slices.Contains(worker.TaskKeys, taskKey) {
			ids[worker.ID] = true
		}
	}
	return len(ids)
}

func (f *workerSet) connected(namespace, id string) bool {
	return slices.ContainsFunc(f.workers[namespace], func(w delivery.Worker) bool { return w.ID == id })
}
