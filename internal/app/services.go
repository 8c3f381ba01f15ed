package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	kuberest "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/controller"
	"github.com/taskrun-dev/taskrun-operator/internal/retention"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
	"github.com/taskrun-dev/taskrun-operator/internal/tracing"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// services creates the use cases by source and namespace.
type services struct {
	cluster  *kube.Cluster
	recorder *telemetry.Recorder
	traffic  *usecase.WriteTracker // of the clients of REST
	traces   *tracing.Tracing      // nil: there are none
	keyLocks *usecase.KeyLocks
	buffers  *bytebudget.Budget   // of all namespaces
	writers  *concurrency.Writers // of all namespaces
	events   events.EventRecorder
	rules    *retention.Watcher

	unknownFlowRuns flows.UnknownFlowRuns

	mu     sync.Mutex
	limits map[string]*concurrency.Service // by namespace
}

func (a *App) newServices(
	config *kuberest.Config, mgr manager.Manager, cluster *kube.Cluster, recorder *telemetry.Recorder, log *slog.Logger,
) (*services, error) {
	emitter := mgr.GetEventRecorder(controller.Name)
	rules, err := newRetention(config, mgr, a.options, log, emitter)
	if err != nil {
		return nil, err
	}
	return &services{
		cluster: cluster, recorder: recorder, traces: a.traces, traffic: usecase.NewWriteTracker(clock.RealClock{}), keyLocks: usecase.NewKeyLocks(),
		buffers: bytebudget.New(a.options.REST.BufferMemory), writers: a.writers,
		events: emitter, rules: rules, unknownFlowRuns: a.options.Flows.UnknownFlowRuns, limits: map[string]*concurrency.Service{},
	}, nil
}

// limitsOf returns the Service of the limits of a namespace. There is one for each
// namespace, because it serializes the users of a limit.
func (s *services) limitsOf(namespace string) *concurrency.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	limits := s.limits[namespace]
	if limits == nil {
		limits = concurrency.New(concurrency.Options{
			Namespace: namespace, Store: s.cluster.Limits(namespace), Runs: s.cluster.Namespace(namespace), Clock: clock.RealClock{},
			Writers: s.writers,
			OnStalled: func(l *concurrency.Limit) {
				key := types.NamespacedName{Namespace: namespace, Name: l.Revision.Name}
				controller.EmitStalledLimit(s.events, key, types.UID(l.Revision.UID), l.Recorded.Stalled)
			},
		})
		s.limits[namespace] = limits
	}
	return limits
}

// dropLimits removes the Services of namespaces without limits, except for those that
// keep returns true for.
func (s *services) dropLimits(keep func(namespace string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for namespace := range s.limits {
		if !keep(namespace) && !s.cluster.HasLimits(namespace) {
			delete(s.limits, namespace)
		}
	}
}

// sweepInterval is the time between two sweeps of the limits.
const sweepInterval = time.Second

func (s *services) sweeper(log *slog.Logger) *concurrency.Sweeper {
	return &concurrency.Sweeper{
		Namespaces: s.cluster.LimitNamespaces, Service: s.limitsOf, Interval: sweepInterval, Log: log,
	}
}

func (s *services) service(source telemetry.Source, namespace string) *usecase.Service {
	var store taskrun.Store = s.cluster.Namespace(namespace)
	if source != telemetry.SourceController {
		store = s.traffic.Wrap(store)
	}
	flowRuns := s.cluster.Flows(namespace)
	return usecase.New(usecase.Options{
		Namespace: namespace,
		Store:     store,
		Clock:     clock.RealClock{},
		Notifier:  s.recorder.Notifier(source),
		FlowRuns:  flows.FlowRuns{Store: flowRuns, Unknown: s.unknownFlowRuns},
		Flows:     flowRuns,
		Slots:     s.limitsOf(namespace),
		KeyLocks:  s.keyLocks,
		Buffers:   s.buffers,
		Retention: s.rules,
	})
}

// controllers returns controllers and a sweeper for one term as the leader.
func (s *services) controllers(
	mgr manager.Manager, options controller.Options, ready func(context.Context) error, log *slog.Logger,
) ([]manager.Runnable, error) {
	reconciler := &controller.Reconciler{
		Options: options,
		Objects: s.cluster.Objects(mgr.GetClient()),
		Live:    mgr.GetAPIReader(),
		Writer:  mgr.GetClient(),
		Ready:   both(ready, s.rules.Ready),
		Runs: func(namespace string) controller.Runs {
			return s.service(telemetry.SourceController, namespace)
		},
		OnRuleChange: s.rules.OnChange,
		OnChange:     s.cluster.OnChange,
		EachObject:   s.cluster.EachObject,
		Clock:        clock.RealClock{},
		IdleFor:      s.traffic.IdleFor,
		OnIdle:       s.traffic.OnIdle,
		Events:       s.events,
		Metrics:      s.recorder,
		Trace:        s.traces.Reconciler,
	}
	proposals := &controller.ProposalReconciler{
		Options:  options,
		OnChange: s.cluster.OnChange,
		Objects:  s.cluster.Objects(mgr.GetClient()),
		Live:     mgr.GetAPIReader(),
		Writer:   mgr.GetClient(),
		Ready:    ready,
		Proposals: func(namespace string) controller.Proposals {
			return s.service(telemetry.SourceController, namespace)
		},
		FlowProposals: func(namespace string) controller.FlowProposals {
			return s.flowsOf(telemetry.SourceController, namespace)
		},
		FlowRun:         s.cluster.FlowRunObject,
		OnFlowRunChange: s.cluster.OnFlowRunChange,
		Convert:         convert.ProposalFromObject,
		Undecodable:     kube.IsUndecodable,
		Clock:           clock.RealClock{},
		Events:          mgr.GetEventRecorder(controller.ProposalName),
		Metrics:         s.recorder,
		Trace:           s.traces.Reconciler,
	}
	ofRuns, err := reconciler.Controller(mgr)
	if err != nil {
		return nil, err
	}
	ofFlowRuns, err := s.flowReconciler(mgr, options, reconciler.Ready).Controller(mgr)
	if err != nil {
		return nil, err
	}
	ofFlows, err := s.registeredFlowReconciler(mgr, options, ready).Controller(mgr)
	if err != nil {
		return nil, err
	}
	ofProposals, err := proposals.Controller(mgr)
	return []manager.Runnable{ofRuns, ofFlowRuns, ofFlows, ofProposals, s.sweeper(log)}, err
}
