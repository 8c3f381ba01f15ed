// Package telemetry defines the program's own metrics. Every label has a small,
// fixed set of values, never a name or an id of an object; but for task keys, of
// which those with the most runs waiting are named, and no more than maxTasks at
// once. docs/metrics.md tells people what each metric is for.
package telemetry

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// Door is the way a state came in.
type Door string

// The doors.
const (
	DoorREST       Door = "rest"
	DoorController Door = "controller"
	DoorEvents     Door = "events"
	DoorDelivery   Door = "delivery"
)

// none is the label of a run that had no state before.
const none = "NONE"

// Recorder counts and times what the program does. Its methods are called after
// what they count has happened, and may be called at once from anywhere.
type Recorder struct {
	transitions *prometheus.CounterVec
	proposals   *prometheus.CounterVec

	expiredProposals prometheus.Counter
	expired          prometheus.Counter
	outages          prometheus.Counter
	requests         *prometheus.HistogramVec
	deliveries       deliveries
	sockets          sockets
	doors            doors
	queues           *queues
	undecodable      *undecodable
}

// NewRecorder returns a Recorder whose metrics are registered with reg. Where
// they are registered already they are shared: several programs in one process,
// as tests start them, count together.
func NewRecorder(reg prometheus.Registerer) (*Recorder, error) {
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "taskrun_build_info",
		Help: "Always 1; the labels tell which build this is.",
	}, []string{"version", "commit"})
	r := &Recorder{
		transitions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_transitions_total",
			Help: "States written, by the type before, the type after, the verdict and the door the proposal came in by.",
		}, []string{"from", "to", "verdict", "door"}),
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
		outages: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "taskrun_api_server_outages_total",
			Help: "Times that the Kubernetes API server could not be reached any more.",
		}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "taskrun_rest_request_duration_seconds",
			Help:    "Time to answer a REST request, by method, route and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "code"}),
		deliveries: newDeliveries(),
		sockets:    newSockets(),
		doors:      newDoors(),
		queues:     newQueues(),

		undecodable: newUndecodable(),
	}
	panics := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "taskrun_panics_recovered_total",
		Help: "Panics that ended the handling of one input instead of the program.",
	}, func() float64 { return float64(panics.Count()) })
	faults := slices.Concat(r.deliveries.register(reg), r.sockets.register(reg), r.doors.register(reg), []error{
		register(reg, &r.transitions), register(reg, &r.proposals), register(reg, &r.expiredProposals), register(reg, &r.expired),
		register(reg, &r.outages), register(reg, &r.requests), register(reg, &r.queues), register(reg, &r.undecodable),
		register(reg, &build), register(reg, &panics),
	})
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	info := version.Get()
	build.WithLabelValues(info.Version, info.Commit).Set(1)
	return r, nil
}

// APIServerOutage counts an outage of the API server, when it begins.
func (r *Recorder) APIServerOutage() { r.outages.Inc() }

// register registers a metric, or puts the registered one of the same
// description in its place.
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

// Notifier returns what the use cases behind a door tell of their writes.
func (r *Recorder) Notifier(door Door) taskrun.Notifier { return notifier{recorder: r, door: door} }

// ProposalEvaluated counts a final verdict on a StateProposal.
func (r *Recorder) ProposalEvaluated(verdict orchestration.Status) {
	r.proposals.WithLabelValues(string(verdict)).Inc()
}

// ProposalExpired counts a StateProposal deleted after --proposal-ttl.
func (r *Recorder) ProposalExpired() { r.expiredProposals.Inc() }

// RunExpired counts a run deleted after its TTL.
func (r *Recorder) RunExpired() { r.expired.Inc() }

// RequestServed times one REST request. The route is the pattern that matched,
// not the path asked for.
func (r *Recorder) RequestServed(method, route string, code int, took time.Duration) {
	r.requests.WithLabelValues(method, route, strconv.Itoa(code)).Observe(took.Seconds())
}

type notifier struct {
	recorder *Recorder
	door     Door
}

func (n notifier) Transitioned(before, after *taskrun.Run, decision orchestration.Decision) {
	n.recorder.transitions.WithLabelValues(
		stateType(before), stateType(after), string(decision.Status), string(n.door),
	).Inc()
}

func stateType(run *taskrun.Run) string {
	if run == nil || run.State == nil {
		return none
	}
	return string(run.State.Type)
}
