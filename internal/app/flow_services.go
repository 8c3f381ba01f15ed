package app

import (
	"context"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/internal/controller"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// flowsOf returns the use cases of the flows and flow runs of a namespace.
func (s *services) flowsOf(source telemetry.Source, namespace string) *flows.Service {
	return flows.New(flows.Options{
		Namespace: namespace,
		Store:     s.cluster.Flows(namespace),
		TaskRuns:  flows.NewTaskRuns(s.traffic.Wrap(s.cluster.Namespace(namespace)), s.service(source, namespace)),
		Clock:     clock.RealClock{},
		Notifier:  s.recorder.FlowNotifier(source),
		Retention: s.rules,
		Buffers:   s.buffers,
	})
}

// flowReconciler returns the reconciler of FlowRuns for one term as the leader.
func (s *services) flowReconciler(mgr manager.Manager, options controller.Options, ready func(context.Context) error) *controller.FlowReconciler {
	return &controller.FlowReconciler{
		Options:    options,
		Object:     s.cluster.FlowRunObject,
		OnChange:   s.cluster.OnFlowRunChange,
		EachObject: s.cluster.EachFlowRun,
		Runs: func(namespace string) controller.FlowRuns {
			return s.flowsOf(telemetry.SourceController, namespace)
		},
		Ready:        ready,
		OnRuleChange: s.rules.OnChange,
		Clock:        clock.RealClock{},
		IdleFor:      s.traffic.IdleFor,
		OnIdle:       s.traffic.OnIdle,
		Trace:        s.traces.Reconciler,
		Events:       s.events,
		Live:         mgr.GetAPIReader(),
		Writer:       mgr.GetClient(),
		Expired:      s.recorder.FlowRunExpired,
	}
}

// registeredFlowReconciler returns the reconciler of RegisteredFlows for one term as the
// leader.
func (s *services) registeredFlowReconciler(
	mgr manager.Manager, options controller.Options, ready func(context.Context) error,
) *controller.RegisteredFlowReconciler {
	return &controller.RegisteredFlowReconciler{
		Options:     options,
		Objects:     mgr.GetClient(),
		Writer:      mgr.GetClient(),
		Holder:      s.cluster.FlowHolder,
		Observe:     convert.ObserveFlow,
		Undecodable: kube.IsUndecodable,
		Ready:       ready,
		Clock:       clock.RealClock{},
		Events:      s.events,
		Trace:       s.traces.Reconciler,
	}
}
