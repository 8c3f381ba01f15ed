package monitoring

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// minutes is the duration of the samples, one per minute: longer than any alert
// waits or looks back.
const minutes = 120

// peace holds the series of two healthy replicas. n stands for the number of
// samples.
const peace = `
taskrun_build_info{T0,version="1",commit="a"} 1xn
taskrun_build_info{T1,version="1",commit="a"} 1xn
kube_deployment_spec_replicas{namespace="s",deployment="taskrun-controller-manager"} 2xn
kube_deployment_status_replicas_available{namespace="s",deployment="taskrun-controller-manager"} 2xn
kube_pod_container_status_restarts_total{namespace="s",pod="taskrun-controller-manager-0"} 1xn
leader_election_master_status{T0,name="taskrun-operator.taskrun.dev"} 1xn
leader_election_master_status{T1,name="taskrun-operator.taskrun.dev"} 0xn
taskrun_queue_oldest_age_seconds{T0,task_key="a"} 10xn
taskrun_queue_depth{T0,task_key="a",due="true"} 3xn
taskrun_workers_connected{T0} 0xn
taskrun_workers_connected{T1} 2xn
taskrun_unknown_holds{T0} 0xn
taskrun_deliveries_total{T0,attempt="first"} 0+60xn
taskrun_deliveries_total{T0,attempt="again"} 0+1xn
taskrun_abandoned_total{T0,state="CRASHED"} 4xn
taskrun_abandoned_total{T0,state="NONE"} 0+1xn
taskrun_transitions_total{T0,to="COMPLETED"} 0+60xn
taskrun_transitions_total{T0,to="CRASHED"} 0+1xn
taskrun_rest_request_duration_seconds_count{T0,method="GET",route="/a",code="200"} 0+6000xn
taskrun_rest_request_duration_seconds_count{T0,method="GET",route="/a",code="503"} 0+6xn
taskrun_rest_request_duration_seconds_bucket{T0,le="0.1"} 0+6000xn
taskrun_rest_request_duration_seconds_bucket{T0,le="10"} 0+6000xn
taskrun_rest_request_duration_seconds_bucket{T0,le="+Inf"} 0+6000xn
taskrun_rest_requests_rejected_total{T0,reason="all"} 7xn
taskrun_events_total{T0,outcome="valid"} 0+60xn
taskrun_events_total{T0,outcome="rejected"} 7xn
taskrun_event_lag_seconds_bucket{T0,le="0.1"} 0+60xn
taskrun_event_lag_seconds_bucket{T0,le="30"} 0+60xn
taskrun_event_lag_seconds_bucket{T0,le="+Inf"} 0+60xn
rest_client_requests_total{T0,code="200",method="GET"} 0+600xn
rest_client_requests_total{T0,code="409",method="PATCH"} 0+600xn
rest_client_requests_total{T0,code="403",method="PATCH"} 1xn
rest_client_requests_total{T9,code="500",method="GET"} 0+600xn
controller_runtime_reconcile_errors_total{T0,controller="taskrun-controller"} 0+1xn
workqueue_depth{T0,name="taskrun-controller",priority="0"} 12xn
workqueue_depth{T0,name="taskrun-controller",priority="-100"} 5000xn
taskrun_authentication_reviews_total{T0,kind="token",outcome="error"} 1xn
taskrun_authentication_reviews_total{T0,kind="token",outcome="denied"} 0+6xn
taskrun_undecodable_objects{T0,kind="TaskRun"} 0xn
taskrun_tls_certificate_not_after_seconds{T0} 7776000xn
process_resident_memory_bytes{T0} 60000000xn
go_gc_gomemlimit_bytes{T0} 100000000xn
process_resident_memory_bytes{T1} 60000000xn
go_gc_gomemlimit_bytes{T1} 9223372036854775807xn
process_resident_memory_bytes{T9} 99000000xn
go_gc_gomemlimit_bytes{T9} 100000000xn
process_open_fds{T0} 100xn
process_max_fds{T0} 1000xn
`

// trouble holds, by alert, the series that make it fire. An empty line removes all
// series.
var trouble = map[string]string{
	"TaskRunOperatorAbsent":            "",
	"TaskRunReplicaMissing":            `kube_deployment_status_replicas_available{namespace="s",deployment="taskrun-controller-manager"} 1xn`,
	"TaskRunReplicaRestarts":           `kube_pod_container_status_restarts_total{namespace="s",pod="taskrun-controller-manager-0"} 0+0.2xn`,
	"TaskRunNoLeader":                  `leader_election_master_status{T0,name="taskrun-operator.taskrun.dev"} 0xn`,
	"TaskRunManyVersions":              `taskrun_build_info{T1,version="2",commit="b"} 1xn`,
	"TaskRunsWaitForWorkers":           `taskrun_queue_oldest_age_seconds{T0,task_key="a"} 301xn`,
	"TaskRunNoWorkers":                 `taskrun_workers_connected{T1} 0xn`,
	"TaskRunHoldsUnknown":              `taskrun_unknown_holds{T0} 3xn`,
	"TaskRunDeliveriesRepeat":          `taskrun_deliveries_total{T0,attempt="again"} 0+10xn`,
	"TaskRunWorkersDie":                `taskrun_abandoned_total{T0,state="CRASHED"} 0+0.2xn`,
	"TaskRunsCrash":                    `taskrun_transitions_total{T0,to="CRASHED"} 0+6xn`,
	"TaskRunRESTFails":                 `taskrun_rest_request_duration_seconds_count{T0,method="GET",route="/a",code="503"} 0+80xn`,
	"TaskRunRESTPanics":                `taskrun_rest_request_duration_seconds_count{T0,method="GET",route="/b",code="500"} _x115 1x10`,
	"TaskRunRESTSlow":                  `taskrun_rest_request_duration_seconds_bucket{T0,le="0.1"} 0+5800xn`,
	"TaskRunRESTRejects":               `taskrun_rest_requests_rejected_total{T0,reason="all"} 0+10xn`,
	"TaskRunEventsAreLost":             `taskrun_events_total{T0,outcome="rejected"} 0+0.2xn`,
	"TaskRunEventsLag":                 `taskrun_event_lag_seconds_bucket{T0,le="0.1"} 0+50xn`,
	"TaskRunAPIServerFails":            `rest_client_requests_total{T1,code="<error>",method="GET"} 0+10xn`,
	"TaskRunAPIServerThrottles":        `rest_client_requests_total{T1,code="429",method="GET"} 0+10xn`,
	"TaskRunAPIServerForbids":          `rest_client_requests_total{T0,code="403",method="PATCH"} 0+0.5xn`,
	"TaskRunReconcileErrors":           `controller_runtime_reconcile_errors_total{T0,controller="taskrun-controller"} 0+10xn`,
	"TaskRunReconcileBacklog":          `workqueue_depth{T0,name="taskrun-controller",priority="0"} 1001xn`,
	"TaskRunAuthenticationUnavailable": `taskrun_authentication_reviews_total{T0,kind="token",outcome="error"} 0+1xn`,
	"TaskRunCallersDenied":             `taskrun_authentication_reviews_total{T0,kind="token",outcome="denied"} 0+90xn`,
	"TaskRunCertificateExpires":        `taskrun_tls_certificate_not_after_seconds{T0} 1000000xn`,
	"TaskRunCertificateExpiresAtOnce":  `taskrun_tls_certificate_not_after_seconds{T0} 100000xn`,
	"TaskRunObjectsUndecodable":        `taskrun_undecodable_objects{T0,kind="TaskRun"} 1xn`,
	"TaskRunMemoryNearLimit":           `process_resident_memory_bytes{T0} 96000000xn`,
	"TaskRunFilesNearLimit":            `process_open_fds{T0} 900xn`,
}

// goesWith lists the alerts that fire together with another one for a good reason.
var goesWith = map[string][]string{
	"TaskRunCertificateExpiresAtOnce": {"TaskRunCertificateExpires"},
}

// firing returns the alerts that fire at the last sample: those whose expression
// has had a result for the time that they wait.
func firing(t *testing.T, rules []rule, series string) []string {
	t.Helper()
	named := strings.NewReplacer("T0", `namespace="s",pod="p0"`, "T1", `namespace="s",pod="p1"`, "T9", `namespace="other",pod="p9"`,
		"xn", fmt.Sprintf("x%d", minutes))
	storage := promqltest.LoadedStorage(t, "load 1m\n  "+strings.ReplaceAll(strings.TrimSpace(named.Replace(series)), "\n", "\n  "))
	engine := promqltest.NewTestEngine(t, false, 0, math.MaxInt32)
	var names []string
	for _, r := range rules {
		wait, err := model.ParseDuration(cmp.Or(r.For, "0s"))
		if err != nil {
			t.Fatal(err)
		}
		end := time.Unix(minutes*60, 0)
		query, err := engine.NewRangeQuery(t.Context(), storage, nil, r.Expr, end.Add(-time.Duration(wait)), end, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		matrix, err := query.Exec(t.Context()).Matrix()
		if err != nil {
			t.Fatalf("%s: %v", r.Alert, err)
		}
		steps := int(time.Duration(wait)/time.Minute) + 1
		if slices.ContainsFunc(matrix, func(s promql.Series) bool { return len(s.Floats) == steps }) {
			names = append(names, r.Alert)
		}
	}
	return names
}

// with returns the series of peace, with the line in place of the one with the same
// name and labels.
func with(line string) string {
	if line == "" {
		return `up{T0} 1xn`
	}
	name, _, _ := strings.Cut(line, " ")
	if strings.HasPrefix(name, "taskrun_build_info{T1") {
		name = "taskrun_build_info{T1" // another version is another series
	}
	kept := slices.DeleteFunc(strings.Split(strings.TrimSpace(peace), "\n"), func(old string) bool { return strings.HasPrefix(old, name) })
	return strings.Join(append(kept, line), "\n")
}

func TestAlerts_noneFiresOnHealthyReplicas(t *testing.T) {
	t.Parallel()
	if names := firing(t, readRules(t), peace); len(names) > 0 {
		t.Errorf("these fire: %q", names)
	}
}

func TestAlerts_eachFiresAloneInItsTrouble(t *testing.T) {
	t.Parallel()
	rules := readRules(t)
	for _, r := range rules {
		t.Run(r.Alert, func(t *testing.T) {
			t.Parallel()
			line, ok := trouble[r.Alert]
			if !ok {
				t.Fatal("trouble has no entry for this alert")
			}
			want := append([]string{r.Alert}, goesWith[r.Alert]...)
			got := firing(t, rules, with(line))
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%q fire, want %q", got, want)
			}
		})
	}
	if len(trouble) != len(rules) {
		t.Errorf("%d troubles for %d alerts", len(trouble), len(rules))
	}
}
