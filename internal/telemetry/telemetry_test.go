package telemetry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

func newRecorder(t *testing.T, reg prometheus.Registerer) *telemetry.Recorder {
	t.Helper()
	r, err := telemetry.NewRecorder(reg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func in(state orchestration.StateType) *taskrun.Run {
	run := &taskrun.Run{}
	run.State = &orchestration.State{Type: state}
	return run
}

func TestRecorder_buildInfo(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	newRecorder(t, reg)
	build := version.Get()
	want := fmt.Sprintf(`
# HELP taskrun_build_info Always 1, by version and commit of this build.
# TYPE taskrun_build_info gauge
taskrun_build_info{commit=%q,version=%q} 1
`, build.Commit, build.Version)
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "taskrun_build_info"); err != nil {
		t.Error(err)
	}
}

func TestFlowRunTransitions_areCountedByTypeVerdictAndSource(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	rest := newRecorder(t, reg).FlowNotifier(telemetry.SourceREST)
	inState := func(kind orchestration.StateType) *flowrun.Run {
		run := &flowrun.Run{}
		run.State = &orchestration.State{Type: kind}
		return run
	}
	rest.Transitioned(nil, inState(orchestration.Pending), orchestration.FlowRunDecision{Status: orchestration.Accept})
	rest.Transitioned(inState(orchestration.Running), inState(orchestration.Scheduled), orchestration.FlowRunDecision{Status: orchestration.Reject})
	const want = `
# HELP taskrun_flow_run_transitions_total State transitions of flow runs, by previous type, new type, verdict and source.
# TYPE taskrun_flow_run_transitions_total counter
taskrun_flow_run_transitions_total{from="NONE",source="rest",to="PENDING",verdict="ACCEPT"} 1
taskrun_flow_run_transitions_total{from="RUNNING",source="rest",to="SCHEDULED",verdict="REJECT"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "taskrun_flow_run_transitions_total"); err != nil {
		t.Error(err)
	}
}

func TestTransitions_areCountedByTypeVerdictAndSource(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	rest, controller := r.Notifier(telemetry.SourceREST), r.Notifier(telemetry.SourceController)
	accepted := orchestration.Decision{Status: orchestration.Accept}
	rest.Transitioned(nil, in(orchestration.Pending), accepted)
	rest.Transitioned(in(orchestration.Pending), in(orchestration.Running), accepted)
	rest.Transitioned(in(orchestration.Pending), in(orchestration.Running), accepted)
	controller.Transitioned(in(orchestration.Running), in(orchestration.Scheduled), orchestration.Decision{Status: orchestration.Reject})
	const want = `
# HELP taskrun_transitions_total State transitions, by previous type, new type, verdict and source.
# TYPE taskrun_transitions_total counter
taskrun_transitions_total{from="RUNNING",source="controller",to="SCHEDULED",verdict="REJECT"} 1
taskrun_transitions_total{from="NONE",source="rest",to="PENDING",verdict="ACCEPT"} 1
taskrun_transitions_total{from="PENDING",source="rest",to="RUNNING",verdict="ACCEPT"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "taskrun_transitions_total"); err != nil {
		t.Error(err)
	}
}

func TestController_actionsAreCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	r.ProposalEvaluated(orchestration.Abort)
	r.ProposalExpired()
	r.RunExpired()
	const want = `
# HELP taskrun_expired_total Finished runs deleted after their TTL or that of their namespace.
# TYPE taskrun_expired_total counter
taskrun_expired_total 1
# HELP taskrun_proposals_evaluated_total Final verdicts on StateProposals, by verdict.
# TYPE taskrun_proposals_evaluated_total counter
taskrun_proposals_evaluated_total{verdict="ABORT"} 1
# HELP taskrun_proposals_expired_total StateProposals deleted after --proposal-ttl.
# TYPE taskrun_proposals_expired_total counter
taskrun_proposals_expired_total 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "taskrun_expired_total", "taskrun_proposals_evaluated_total",
		"taskrun_proposals_expired_total"); err != nil {
		t.Error(err)
	}
}

func TestRequests_areTimedInSeconds(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	newRecorder(t, reg).RequestServed("GET", "/task_runs/{id}", 200, 1500*time.Millisecond)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "taskrun_rest_request_duration_seconds" {
			continue
		}
		if got := family.GetMetric()[0].GetHistogram().GetSampleSum(); got != 1.5 {
			t.Errorf("sum = %v, want 1.5", got)
		}
		return
	}
	t.Error("no request was timed")
}

func TestRecorder_secondOneInAProcessSharesMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	newRecorder(t, reg).RunExpired()
	newRecorder(t, reg).RunExpired()
	const want = `
# HELP taskrun_expired_total Finished runs deleted after their TTL or that of their namespace.
# TYPE taskrun_expired_total counter
taskrun_expired_total 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "taskrun_expired_total"); err != nil {
		t.Error(err)
	}
}

func TestRecorder_nameOfAnotherMetricIsAnError(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "taskrun_expired_total", Help: "Something else."}))
	if _, err := telemetry.NewRecorder(reg); err == nil {
		t.Error("NewRecorder() took a name that was taken")
	}
}

func TestMetrics_followTheNamingRules(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	r.Notifier(telemetry.SourceREST).Transitioned(nil, nil, orchestration.Decision{})
	r.ProposalEvaluated(orchestration.Accept)
	r.RequestServed("GET", "/", 200, 0)
	r.RunDelivered(1, 0)
	r.RunAbandoned(orchestration.Crashed)
	r.SocketOpened("/events/in")
	r.EventCounted("taken")
	r.Watch(depths{"a": {Due: 1, Waiting: 1, Oldest: noon}}, connected(1), unknown(0), testingclock.NewFakePassiveClock(noon))
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("problems = %v, error %v", problems, err)
	}
}
