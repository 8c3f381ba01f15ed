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
	var which selector
	var after time.Duration
	m := &action[item]{
		plugin: p, from: &which, verb: "retry", participle: "retried", ifUnchanged: true, eligible: retriable, note: retryNote, origin: taskColumn,
	}
	m.propose = func(one item) v1alpha1.ProposedState { return retryProposal(one.Run, p.Clock.Now().Add(after)) }
	cmd := &cobra.Command{
		Use:   "retry (NAME | ID)...",
		Short: "Retry finished runs",
		Long: "Retry the named finished runs, or those that the flags select: only FAILED and CRASHED runs unless --state is given.\n" +
			"A background run waits for a worker, as after its submission. Another run is only set to SCHEDULED, and its client has to\n" +
			"start it. A run that completed with a result does not change without --force.",
		Example: `  kubectl taskrun retry load-users
  kubectl taskrun retry --state CRASHED -A
  kubectl taskrun retry --tag nightly --after 10m`,
		ValidArgsFunction: completeRuns(p, &which, retriable),
	}
	which.bind(cmd)
	m.bind(cmd, "Retried with kubectl")
	cmd.Flags().DurationVar(&after, "after", 0, "delay before the retry")
	cmd.PreRun = func(_ *cobra.Command, names []string) {
		if len(names) == 0 && !which.empty() {
			which.failedOnly()
		}
	}
	return cmd
}

func retriable(run item) error {
	if run.Finished() {
		return nil
	}
	return fmt.Errorf("it has not finished: it is %s", stateText(run.State))
}

// retryProposal returns the state that retries a run. A background run keeps the id of
// its parameters for the worker.
func retryProposal(run *taskrun.Run, at time.Time) v1alpha1.ProposedState {
	name := orchestration.NameAwaitingRetry
	due := v1alpha1.NewMicroTime(at)
	details := &v1alpha1.StateDetails{ScheduledTime: &due}
	if parameters, background := run.Submission(); background {
		details.Deferred = new(true)
		details.TaskParametersID = parameters
	}
	return v1alpha1.ProposedState{Type: string(orchestration.Scheduled), Name: &name, StateDetails: details}
}

func retryNote(run item) string {
	if _, background := run.Submission(); background {
		return ""
	}
	return "it was not submitted for a worker: its client has to start it"
}
