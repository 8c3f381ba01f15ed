package kube

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// sweepInterval is the time between two sweeps.
	sweepInterval = 10 * time.Minute
	// minSweepAge is the age at which a RunData without an owner cannot belong to a create
	// that still runs: its calls take seconds.
	minSweepAge = 10 * time.Minute
	// sweepPage is how many objects are read at once.
	sweepPage = 500
)

// RunDataSweep repairs what creates of runs left behind when they were interrupted: it sets
// the missing owners of RunData, and deletes those whose run was not created. The
// leader runs it.
type RunDataSweep struct {
	cluster *Cluster
	clock   clock.WithTicker
	log     *slog.Logger
}

// NewRunDataSweep returns the sweep of the RunData of a Cluster.
func NewRunDataSweep(cluster *Cluster, clock clock.WithTicker, log *slog.Logger) *RunDataSweep {
	return &RunDataSweep{cluster: cluster, clock: clock, log: log}
}

// Start sweeps when the index of flows is complete, and then again and again until the
// context ends.
func (s *RunDataSweep) Start(ctx context.Context) error {
	if !toolscache.WaitForCacheSync(ctx.Done(), s.cluster.flows.synced...) {
		return nil
	}
	ticker := s.clock.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "sweeping run data failed, retrying", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// Sweep looks at every RunData without an owner once.
func (s *RunDataSweep) Sweep(ctx context.Context) error {
	namespaces := s.cluster.Watch
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	var errs []error
	for _, namespace := range namespaces {
		errs = append(errs, s.namespace(ctx, namespace))
	}
	return errors.Join(errs...)
}

// namespace sweeps a namespace, or all for "".
func (s *RunDataSweep) namespace(ctx context.Context, namespace string) error {
	var errs []error
	for next := ""; ; {
		list, err := s.page(ctx, namespace, next)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for i := range list.Items {
			errs = append(errs, s.object(ctx, &list.Items[i]))
		}
		if next = list.Continue; next == "" {
			return errors.Join(errs...)
		}
	}
}

// page reads the metadata of some RunData without an owner.
func (s *RunDataSweep) page(ctx context.Context, namespace, next string) (*metav1.PartialObjectMetadataList, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.KindRunData + "List"))
	err := s.cluster.Reader.List(ctx, list, client.InNamespace(namespace), client.HasLabels{v1alpha1.LabelUnowned},
		client.Limit(sweepPage), client.Continue(next))
	return list, s.cluster.translate(ctx, "reading the run data without an owner", err)
}

// object sets the owner of a RunData, or deletes it.
func (s *RunDataSweep) object(ctx context.Context, o *metav1.PartialObjectMetadata) error {
	runID := convert.RunOfData(o.Name)
	if runID == "" || !o.DeletionTimestamp.IsZero() || s.clock.Since(o.CreationTimestamp.Time) < minSweepAge {
		return nil
	}
	flows := s.cluster.Flows(o.Namespace)
	run, err := flows.present(ctx, runID)
	needed := false
	if err == nil {
		needed, err = flows.needs(ctx, run, o.Name)
	}
	switch {
	case needed:
		return flows.setOwner(ctx, o, run.Run.Ref)
	case err != nil && !errors.Is(err, taskrun.ErrNotFound):
		return err
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "deleting run data of a run that was not created", slog.String("runData", o.Namespace+"/"+o.Name))
	flows.deleteData(ctx, o.Name, &metav1.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion})
	return nil
}

// present reads the run with this id from the API server.
func (s *Flows) present(ctx context.Context, id string) (*convert.FlowRun, error) {
	if known := s.known().index.Run(id); known != nil {
		return s.reload(ctx, known)
	}
	return s.read(ctx, id) // the name of an object that was created over REST is the id
}

// needs reports whether a RunData is part of a run, or an input of it that was restored
// without its owner.
func (s *Flows) needs(ctx context.Context, run *convert.FlowRun, name string) (bool, error) {
	if refersTo(run, name) {
		return true, nil
	}
	object := &v1alpha1.RunData{}
	err := s.get(ctx, "reading the run data", name, object)
	return err == nil && object.Type == v1alpha1.DataInput, err
}

// refersTo reports whether the object of a run refers to a RunData.
func refersTo(run *convert.FlowRun, name string) bool {
	requested, now := run.Requested(), run.Run.Unloaded
	return slices.Contains([]string{
		requested.Parameters, requested.Context, requested.JobVariables, now.Parameters, now.JobVariables,
	}, name)
}
