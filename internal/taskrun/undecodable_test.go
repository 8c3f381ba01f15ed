package taskrun_test

import (
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestUndecodableError_namesObjectAndField(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"":               "TaskRun a/b cannot be decoded: odd: repair the field or delete the object with kubectl",
		"status.endTime": "TaskRun a/b cannot be decoded: status.endTime: odd: repair the field or delete the object with kubectl",
	} {
		err := &taskrun.UndecodableError{Kind: "TaskRun", Namespace: "a", Name: "b", Field: field, Reason: "odd"}
		if got := err.Error(); got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	}
}
