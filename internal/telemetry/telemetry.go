// Package telemetry defines the metrics of the operator. Labels have fixed sets of
// values, and never names or ids of objects. The exception is task_key: only the
// maxTasks keys with the most waiting runs have values of their own.
// docs/metrics.md describes each metric.
package telemetry

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// Source is the origin of a transition.
type Source string

// The sources.
const (
	SourceREST       Source = "rest"
	SourceController Source = "controller"
	SourceEvents     Source = "events"
	SourceDelivery   Source = "delivery"
)

// none is the label of the previous type of a new run.
const none = "NONE"

// Recorder records the metrics. Its methods are called after the event that they
// count, and are safe for concurrent use.
type Recorder struct {
	transitions *prometheus.CounterVec
	proposals   *prometheus.CounterVec
	flowRuns    *prometheus.CounterVec // transitions

	expiredProposals prometheus.Counter
	expired          prometheus.Counter
	expiredFlowRuns  prometheus.Counter
	outages          prometheus.Counter
	requests         *prometheus.HistogramVec
	deliveries       deliveries
	sockets          sockets
	security         requestMetrics
	queues           *queues
	undecodable      *undecodable
}

// NewRecorder returns a Recorder whose metrics are registered with reg. Metrics
// that reg already has are shared: several programs in one process, as in tests,
// count together.
func NewRecorder(reg prometheus.Registerer) (*Recorder, error) {
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "taskrun_build_info",
		Help: "Always 1, by version and commit of this build.",
	}, []string{"version", "commit"})
	r := &Recorder{
		transitions: newTransitions("taskrun_transitions_total",
			"State transitions, by previous type, new type, verdict and source."),
		flowRuns: newTransitions("taskrun_flow_run_transitions_total",
			"State transitions of flow runs, by previous type, new type, verdict and source."),
		proposals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_proposals_evaluated_total",
			Help: "Final verdicts on StateProposals, by verdict.",
		}, []string{"verdict"}),
		expiredProposals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "taskrun_proposals_expired_total",
			Help: "StateProposals deleted after --proposal-ttl.",
		}),
		expired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "taskrun_expired_total",
			Help: "Finished runs deleted after their TTL or that of their namespace.",
		}),
		expiredFlowRuns: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "taskrun_flow_runs_expired_total",
			Help: "Finished flow runs deleted after their TTL or that of their namespace.",
		}),
		outages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "taskrun_api_server_outages_total",
			Help: "Outages of the Kubernetes API server.",
		}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "taskrun_rest_request_duration_seconds",
			Help:    "Duration of REST requests in seconds, by method, route and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "code"}),
		deliveries: newDeliveries(),
		sockets:    newSockets(),
		security:   newRequestMetrics(),
		queues:     newQueues(),

		undecodable: newUndecodable(),
	}
	panics := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "taskrun_panics_recovered_total",
		Help: "Panics that ended the processing of one input instead of the process.",
	}, func() float64 { return float64(panics.Count()) })
	errs := slices.Concat(r.deliveries.register(reg), r.sockets.register(reg), r.security.register(reg), []error{
		register(reg, &r.transitions), register(reg, &r.proposals), register(reg, &r.expiredProposals), register(reg, &r.expired),
		register(reg, &r.outages), register(reg, &r.requests), register(reg, &r.queues), register(reg, &r.undecodable),
		register(reg, &build), register(reg, &panics), register(reg, &r.flowRuns), register(reg, &r.expiredFlowRuns),
	})
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	info := version.Get()
	build.WithLabelValues(info.Version, info.Commit).Set(1)
	return r, nil
}

// newTransitions returns a counter of state transitions of one kind of runs.
func newTransitions(name, help string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"from", "to", "verdict", "source"})
}

// APIServerOutage counts an outage of the API server, when it begins.
func (r *Recorder) APIServerOutage() { r.outages.Inc() }

// register registers a metric, or replaces it by the registered metric with the
// same description.
func register[C prometheus.Collector](reg prometheus.Registerer, metric *C) error {
	err := reg.Register(*metric)
	if taken, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := taken.ExistingCollector.(C); ok {
			*metric = existing
			return nil
		}
	}
	return err
}

// Notifier returns a Notifier that counts transitions of this source.
func (r *Recorder) Notifier(source Source) taskrun.Notifier {
	return notifier{recorder: r, source: source}
}

// FlowNotifier returns a Notifier that counts transitions of flow runs of this source.
func (r *Recorder) FlowNotifier(source Source) flowrun.Notifier {
	return flowNotifier{recorder: r, source: source}
}

// ProposalEvaluated counts a final verdict on a StateProposal.
func (r *Recorder) ProposalEvaluated(verdict orchestration.Status) {
	r.proposals.WithLabelValues(string(verdict)).Inc()
}

// ProposalExpired counts a StateProposal deleted after --proposal-ttl.
func (r *Recorder) ProposalExpired() { r.expiredProposals.Inc() }

// RunExpired counts a run deleted after its TTL.
func (r *Recorder) RunExpired() { r.expired.Inc() }

// FlowRunExpired counts a flow run deleted after its TTL.
func (r *Recorder) FlowRunExpired() { r.expiredFlowRuns.Inc() }

// RequestServed records the duration of a REST request. route is the pattern that
// matched, not the requested path.
func (r *Recorder) RequestServed(method, route string, code int, took time.Duration) {
	r.requests.WithLabelValues(method, route, strconv.Itoa(code)).Observe(took.Seconds())
}

type notifier struct {
	recorder *Recorder
	source   Source
}

func (n notifier) Transitioned(before, after *taskrun.Run, decision orchestration.Decision) {
	n.recorder.transitions.WithLabelValues(
		typeOf(before), typeOf(after), string(decision.Status), string(n.source),
	).Inc()
}

type flowNotifier struct {
	recorder *Recorder
	source   Source
}

func (n flowNotifier) Transitioned(before, after *flowrun.Run, decision orchestration.FlowRunDecision) {
	n.recorder.flowRuns.WithLabelValues(
		typeOfFlowRun(before), typeOfFlowRun(after), string(decision.Status), string(n.source),
	).Inc()
}

func typeOf(run *taskrun.Run) string {
	if run == nil || run.State == nil {
		return none
	}
	return string(run.State.Type)
}

func typeOfFlowRun(run *flowrun.Run) string {
	if run == nil || run.State == nil {
		return none
	}
	return string(run.State.Type)
}
