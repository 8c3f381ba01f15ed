package kubectl

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// cancel is `kubectl taskrun cancel`.
func (p *plugin) cancel() *cobra.Command {
	m := &action{plugin: p, verb: "cancel", participle: "cancelled", eligible: cancellable, note: cancelNote, propose: func(item) v1alpha1.ProposedState {
		return v1alpha1.ProposedState{Type: string(orchestration.Cancelled)}
	}}
	cmd := &cobra.Command{
		Use:   "cancel (NAME | ID)...",
		Short: "Cancel runs",
		Long: "Cancel the named runs, or the unfinished runs that the flags select. A run that waits for a worker is not executed.\n" +
			"A worker does not stop a task that it executes, because Prefect's workers do not check for cancellation. What it reports\n" +
			"afterwards is rejected.",
		Example: `  kubectl taskrun cancel load-users
  kubectl taskrun cancel --task load_users-1a2b3c4d --state SCHEDULED
  kubectl taskrun cancel -l team=data --dry-run`,
		ValidArgsFunction: p.completeRuns(cancellable),
	}
	m.bind(cmd, "Cancelled with kubectl")
	return cmd
}

func cancellable(run *taskrun.Run) error {
	switch {
	case run.State.Type == orchestration.Cancelled:
		return errNoChange
	case run.Finished():
		return fmt.Errorf("it is %s", stateText(run.State))
	default:
		return nil
	}
}

func cancelNote(run *taskrun.Run) string {
	if run.Holder() == "" || run.State.Type == orchestration.Scheduled {
		return ""
	}
	return fmt.Sprintf("worker %s is not notified and may continue the run. What it reports is rejected.", run.Holder())
}
