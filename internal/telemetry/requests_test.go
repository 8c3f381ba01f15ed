package telemetry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestReviews_areCountedAndTimed(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	r.Reviewed("token", "allowed", 1500*time.Millisecond)
	r.Reviewed("access", "denied", 10*time.Millisecond)
	const want = `
# HELP taskrun_authentication_reviews_total TokenReviews (token) and SubjectAccessReviews (access), by outcome.
# TYPE taskrun_authentication_reviews_total counter
taskrun_authentication_reviews_total{kind="access",outcome="denied"} 1
taskrun_authentication_reviews_total{kind="token",outcome="allowed"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "taskrun_authentication_reviews_total"); err != nil {
		t.Error(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == "taskrun_authentication_review_duration_seconds" {
				sums[metric.GetLabel()[0].GetValue()] = metric.GetHistogram().GetSampleSum()
			}
		}
	}
	if diff := cmp.Diff(map[string]float64{"token": 1.5, "access": 0.01}, sums); diff != "" {
		t.Errorf("seconds by kind (-want +got):\n%s", diff)
	}
}

func TestRequests_authorizationIsCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	r.RequestBegan()
	r.RequestBegan()
	r.RequestEnded()
	r.RequestRejected("all")
	const want = `
# HELP taskrun_rest_requests_in_flight REST requests in flight.
# TYPE taskrun_rest_requests_in_flight gauge
taskrun_rest_requests_in_flight 1
# HELP taskrun_rest_requests_rejected_total REST requests rejected because of a limit, by reason.
# TYPE taskrun_rest_requests_rejected_total counter
taskrun_rest_requests_rejected_total{reason="all"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want),
		"taskrun_rest_requests_in_flight", "taskrun_rest_requests_rejected_total"); err != nil {
		t.Error(err)
	}
}

func TestCertificate_expiryIsShownOnceItIsLoaded(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	const name = "taskrun_tls_certificate_not_after_seconds"
	if count, err := testutil.GatherAndCount(reg, name); err != nil || count != 0 {
		t.Errorf("without TLS %d values, error %v; want none", count, err)
	}
	r.CertificateLoaded(time.Unix(1, 0))
	r.CertificateLoaded(time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC))
	const want = `
# HELP taskrun_tls_certificate_not_after_seconds Expiry of the serving certificate, in seconds since 1970.
# TYPE taskrun_tls_certificate_not_after_seconds gauge
taskrun_tls_certificate_not_after_seconds 1.798859045e+09
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), name); err != nil {
		t.Error(err)
	}
}
