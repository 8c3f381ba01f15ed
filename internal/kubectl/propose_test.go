package kubectl

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

func TestVerdictOn(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		force  bool
		status v1alpha1.StateProposalStatus
		want   string // error; empty: none
	}{
		"accepted": {status: v1alpha1.StateProposalStatus{Verdict: "Accepted"}},
		"rejected": {
			status: v1alpha1.StateProposalStatus{Verdict: "Rejected", Reason: "It has finished."},
			want:   "Rejected: It has finished. (--force skips the rules)",
		},
		"aborted despite skipped rules": {
			force: true, status: v1alpha1.StateProposalStatus{Verdict: "Aborted", Reason: "It does not exist."},
			want: "Aborted: It does not exist.",
		},
		"without a reason": {status: v1alpha1.StateProposalStatus{Verdict: "Rejected"}, want: "Rejected"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proposal := &v1alpha1.StateProposal{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "p"},
				Spec:       v1alpha1.StateProposalSpec{Force: tc.force}, Status: tc.status,
			}
			got := ""
			if err := verdictOn(t.Context(), fake.NewClientBuilder().WithScheme(scheme()).WithObjects(proposal).Build(), proposal); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("error = %q, want %q", got, tc.want)
			}
		})
	}
}
