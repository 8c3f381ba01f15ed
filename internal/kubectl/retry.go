package kubectl

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// retry is `kubectl taskrun retry`.
func (p *plugin) retry() *cobra.Command {
	var after time.Duration
	m := &moving{plugin: p, verb: "retry", done: "retried", asSeen: true, covers: retriable, remark: retryRemark}
	m.propose = func(one item) v1alpha1.ProposedState { return again(one.Run, p.Clock.Now().Add(after)) }
	cmd := &cobra.Command{
		Use:   "retry (NAME | ID)...",
		Short: "Run finished runs again",
		Long: "Run finished runs again that are named, or all that are chosen by flags; of those only the ones that have FAILED or CRASHED\n" +
			"unless --state says more. A background run waits for a worker as if it had just been submitted. A run of another kind is only put\n" +
			"back to SCHEDULED: its client is to start it. A run that completed with a result stays as it is, unless --force is given.",
		Example: `  kubectl taskrun retry load-users
  kubectl taskrun retry --state CRASHED -A
  kubectl taskrun retry --tag nightly --after 10m`,
		ValidArgsFunction: p.completeRuns(retriable),
	}
	m.bind(cmd, "Retried with kubectl")
	cmd.Flags().DurationVar(&after, "after", 0, "how long to wait before they are run again")
	cmd.PreRun = func(_ *cobra.Command, names []string) {
		if len(names) == 0 && !m.which.empty() && len(m.which.states) == 0 {
			m.which.states = []string{string(orchestration.Failed), string(orchestration.Crashed)}
		}
	}
	return cmd
}

func retriable(run *taskrun.Run) error {
	if run.Finished() {
		return nil
	}
	return fmt.Errorf("it has not finished: it is %s", stateText(run.State))
}

// again proposes to run a run once more. A background run keeps what its worker
// needs: where its parameters are.
func again(run *taskrun.Run, at time.Time) v1alpha1.ProposedState {
	name := orchestration.NameAwaitingRetry
	due := v1alpha1.NewMicroTime(at)
	details := &v1alpha1.StateDetails{ScheduledTime: &due}
	if parameters, background := run.Submission(); background {
		details.Deferred = new(true)
		details.TaskParametersID = parameters
	}
	return v1alpha1.ProposedState{Type: string(orchestration.Scheduled), Name: &name, StateDetails: details}
}

func retryRemark(run *taskrun.Run) string {
	if _, background := run.Submission(); background {
		return ""
	}
	return "it was not submitted for a worker: its client has to start it"
}
