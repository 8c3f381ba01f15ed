package taskrun

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

func TestRulesView_ofAPolicy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		policy Policy
		want   orchestration.RetryPolicy
	}{
		"none":             {Policy{}, orchestration.RetryPolicy{}},
		"retries":          {Policy{Retries: "3"}, orchestration.RetryPolicy{Retries: new(3.0)}},
		"no retries":       {Policy{Retries: "0"}, orchestration.RetryPolicy{Retries: new(0.0)}},
		"endless retries":  {Policy{Retries: "1e400"}, orchestration.RetryPolicy{Retries: new(math.Inf(1))}},
		"delays":           {Policy{RetryDelay: &RetryDelay{List: true, Seconds: []string{"1", "2.5"}}}, orchestration.RetryPolicy{Delays: []float64{1, 2.5}}},
		"an empty list":    {Policy{RetryDelay: &RetryDelay{List: true}}, orchestration.RetryPolicy{}},
		"a jitter factor":  {Policy{RetryJitterFactor: "0.5"}, orchestration.RetryPolicy{JitterFactor: 0.5}},
		"everything given": {Policy{Retries: "1", RetryDelay: &RetryDelay{Seconds: []string{"9"}}}, orchestration.RetryPolicy{Retries: new(1.0), Delays: []float64{9}}},
	} {
		if diff := cmp.Diff(tc.want, RulesView(&Run{Policy: tc.policy}).Policy); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
