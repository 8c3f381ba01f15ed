package kubectl

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// flowColumn has the flow of a run.
var flowColumn = column[flowItem]{"FLOW", func(one flowItem) string { return one.flow }}

// flowCancel is `kubectl taskrun flow cancel`.
func (p *plugin) flowCancel() *cobra.Command {
	which := flowSelector{plugin: p}
	var now bool
	m := &action[flowItem]{
		plugin: p, from: &which, verb: "cancel", participle: "cancelled", origin: flowColumn,
		eligible: func(one flowItem) error { return flowCancellable(one, now) },
		propose: func(one flowItem) v1alpha1.ProposedState {
			return v1alpha1.ProposedState{Type: string(cancellation(one, now))}
		},
		note: func(one flowItem) string { return flowCancelNote(one, now) },
	}
	cmd := &cobra.Command{
		Use:   "cancel (NAME | ID | RUN-NAME)...",
		Short: "Cancel flow runs",
		Long: "Cancel the named flow runs, or the unfinished runs that the flags select. A run that a process executes becomes CANCELLING.\n" +
			"A worker or a served process then stops it. The process of a script is not notified. A run that is still CANCELLING after\n" +
			"5 minutes becomes CANCELLED. With --now, and without a process, a run becomes CANCELLED at once, and so do its task runs and\n" +
			"subflows. What its process reports afterwards is rejected.",
		Example: `  kubectl taskrun flow cancel quiet-walleye
  kubectl taskrun flow cancel --flow etl --state SCHEDULED
  kubectl taskrun flow cancel -l team=data --now --dry-run`,
		ValidArgsFunction: completeRuns(p, &which, func(one flowItem) error { return flowCancellable(one, true) }),
	}
	which.bind(cmd)
	m.bind(cmd, "Cancelled with kubectl")
	cmd.Flags().BoolVar(&now, "now", false, "set CANCELLED at once, also if a process executes the run")
	return cmd
}

// cancellation returns the state to propose: CANCELLING if a process executes the run
// (flows contract §4.4, rule 5; §8.5).
func cancellation(one flowItem, now bool) orchestration.StateType {
	details := &one.State.Details
	switch {
	case now:
		return orchestration.Cancelled
	case one.State.Type == orchestration.Scheduled && one.InfrastructurePID == nil:
		return orchestration.Cancelled
	case one.State.Type == orchestration.Paused && details.PauseReschedule:
		return orchestration.Cancelled
	case one.State.Type == orchestration.Pending && one.StartTime == nil && one.InfrastructurePID == nil:
		return orchestration.Cancelled
	default:
		return orchestration.Cancelling
	}
}

func flowCancellable(one flowItem, now bool) error {
	switch {
	case one.State.Type == orchestration.Cancelled:
		return errNoChange
	case one.Finished():
		return fmt.Errorf("it is %s", stateText(one.State))
	case one.State.Type == orchestration.Cancelling && !now:
		return fmt.Errorf("it is %s already: --now does not wait for its process", stateText(one.State))
	default:
		return nil
	}
}

func flowCancelNote(one flowItem, now bool) string {
	switch {
	case cancellation(one, now) == orchestration.Cancelling:
		return "it is CANCELLING until its process stops, for at most 5 minutes. The process of a script is not notified: see --now."
	case one.State.Type == orchestration.Running:
		return "its process is not notified and may continue the run. What it reports is rejected."
	default:
		return ""
	}
}
