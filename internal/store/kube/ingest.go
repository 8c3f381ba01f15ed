package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
)

// Ingest has the index and prepares the informers of a Cluster. It replaces their objects
// that cannot be decoded by placeholders. TaskRuns have no informer, see Cluster.Start.
type Ingest struct {
	index   *index.Index
	watches *watchHealth
}

// NewIngest returns an Ingest for one Cluster and its cache. With a nil clock, the
// times of deletions are not recorded. With a nil logger, objects that cannot be decoded
// are not logged.
func NewIngest(clock clock.PassiveClock, log *slog.Logger) *Ingest {
	return &Ingest{index: index.New(clock, log), watches: newWatchHealth(clock)}
}

// Transform is the cache's transform of ConcurrencyLimits, StateProposals, FlowRuns and
// RegisteredFlows. An object that cannot be converted becomes a placeholder, as one that
// cannot be decoded. Of a FlowRun, the cache has only its run.
func (i *Ingest) Transform(object any) (any, error) {
	switch o := object.(type) {
	case *v1alpha1.ConcurrencyLimit:
		return withoutManagers(v1alpha1.KindConcurrencyLimit, o)
	case *v1alpha1.StateProposal:
		return withoutManagers(v1alpha1.KindStateProposal, o)
	case *v1alpha1.RegisteredFlow:
		return withoutManagers(v1alpha1.KindRegisteredFlow, o)
	case *v1alpha1.FlowRun:
		kept, err := withoutManagers(v1alpha1.KindFlowRun, o)
		if run, ok := kept.(*v1alpha1.FlowRun); ok && !IsUndecodable(run) {
			return newFlowRunEntry(run), err
		}
		return kept, err
	default:
		return object, nil
	}
}

// withoutManagers returns what the cache keeps of an object.
func withoutManagers(kind string, o client.Object) (any, error) {
	if undecodableOf(o) != nil {
		return o, nil
	}
	if err := check(o); err != nil {
		u, err := unconvertible(kind, o, err)
		if err != nil {
			return nil, err
		}
		return placeholder(u)
	}
	o.SetManagedFields(nil)
	return o, nil
}

// unconvertible returns the record of an object that was decoded and cannot be converted.
func unconvertible(kind string, o any, cause error) (*index.Undecodable, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding a %s: %w", kind, errors.Join(cause, err))
	}
	return newUndecodable(kind, text, cause)
}

// readable marks the requests for objects that reads over REST return: readiness depends on
// their watch.
func (i *Ingest) readable(lw toolscache.ListerWatcher, kind string) toolscache.ListerWatcher {
	of := marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: kind}
	return &watched{ListerWatcherWithContext: of, kind: kind, health: i.watches}
}

// NewInformer creates the informers of a cache. An object of our kinds that cannot be
// decoded ends no list and no watch, if the requests go through the Ingest's Transport.
// Readiness does not depend on StateProposals, which no read over REST returns.
func (i *Ingest) NewInformer(
	lw toolscache.ListerWatcher, example runtime.Object, resync time.Duration, indexers toolscache.Indexers,
) toolscache.SharedIndexInformer {
	switch example.(type) {
	case *v1alpha1.ConcurrencyLimit:
		lw = i.readable(lw, v1alpha1.KindConcurrencyLimit)
	case *v1alpha1.FlowRun:
		lw = i.readable(lw, v1alpha1.KindFlowRun)
	case *v1alpha1.RegisteredFlow:
		lw = i.readable(lw, v1alpha1.KindRegisteredFlow)
	case *v1alpha1.StateProposal:
		lw = marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: v1alpha1.KindStateProposal}
		informer := toolscache.NewSharedIndexInformer(lw, example, resync, indexers)
		_, _ = informer.AddEventHandler(proposalHandler{i.index.Undecodables()}) // fails for a stopped informer only
		return informer
	}
	return toolscache.NewSharedIndexInformer(lw, example, resync, indexers)
}
