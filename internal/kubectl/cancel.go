package kubectl

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// cancel is `kubectl taskrun cancel`.
func (p *plugin) cancel() *cobra.Command {
	var which selector
	m := &action[item]{
		plugin: p, from: &which, verb: "cancel", participle: "cancelled", eligible: cancellable, note: cancelNote, origin: taskColumn,
		propose: func(item) v1alpha1.ProposedState {
			return v1alpha1.ProposedState{Type: string(orchestration.Cancelled)}
		},
	}
	cmd := &cobra.Command{
		Use:   "cancel (NAME | ID)...",
		Short: "Cancel runs",
		Long: "Cancel the named runs, or the unfinished runs that the flags select. A run that waits for a worker is not executed.\n" +
			"A worker does not stop a task that it executes, because Prefect's workers do not check for cancellation. What it reports\n" +
			"afterwards is rejected.",
		Example: `  kubectl taskrun cancel load-users
  kubectl taskrun cancel --task load_users-1a2b3c4d --state SCHEDULED
  kubectl taskrun cancel -l team=data --dry-run`,
		ValidArgsFunction: completeRuns(p, &which, cancellable),
	}
	which.bind(cmd)
	m.bind(cmd, "Cancelled with kubectl")
	return cmd
}

// taskColumn has the task of a run.
var taskColumn = column[item]{"TASK", func(one item) string { return one.TaskKey }}

func cancellable(run item) error {
	switch {
	case run.State.Type == orchestration.Cancelled:
		return errNoChange
	case run.Finished():
		return fmt.Errorf("it is %s", stateText(run.State))
	default:
		return nil
	}
}

func cancelNote(run item) string {
	if run.Holder() == "" || run.State.Type == orchestration.Scheduled {
		return ""
	}
	return fmt.Sprintf("worker %s is not notified and may continue the run. What it reports is rejected.", run.Holder())
}
