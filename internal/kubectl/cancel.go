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
	m := &moving{plugin: p, verb: "cancel", done: "cancelled", covers: cancellable, remark: cancelRemark, propose: func(item) v1alpha1.ProposedState {
		return v1alpha1.ProposedState{Type: string(orchestration.Cancelled)}
	}}
	cmd := &cobra.Command{
		Use:   "cancel (NAME | ID)...",
		Short: "Cancel runs",
		Long: "Cancel runs that are named, or all that are chosen by flags and have not finished. A run that waits for a worker is\n" +
			"not run any more. A task that a worker is at work on is not stopped, for Prefect's workers never ask: what it reports afterwards is refused.",
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
		return errNoNeed
	case run.Finished():
		return fmt.Errorf("it is %s", stateText(run.State))
	default:
		return nil
	}
}

func cancelRemark(run *taskrun.Run) string {
	if run.Holder() == "" || run.State.Type == orchestration.Scheduled {
		return ""
	}
	return fmt.Sprintf("the worker %s is not told and may go on with it; what it reports is refused", run.Holder())
}
