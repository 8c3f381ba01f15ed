package kubectl

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// flowRetry is `kubectl taskrun flow retry`.
func (p *plugin) flowRetry() *cobra.Command {
	which := flowSelector{plugin: p}
	var after time.Duration
	m := &action[flowItem]{
		plugin: p, from: &which, verb: "retry", participle: "retried", ifUnchanged: true, note: flowRetryNote, origin: flowColumn,
	}
	m.eligible = func(one flowItem) error { return flowRetriable(one, m.force) }
	m.propose = func(flowItem) v1alpha1.ProposedState {
		name, due := orchestration.NameAwaitingRetry, v1alpha1.NewMicroTime(p.Clock.Now().Add(after))
		return v1alpha1.ProposedState{
			Type: string(orchestration.Scheduled), Name: &name, StateDetails: &v1alpha1.StateDetails{ScheduledTime: &due},
		}
	}
	cmd := &cobra.Command{
		Use:   "retry (NAME | ID | RUN-NAME)...",
		Short: "Retry finished flow runs",
		Long: "Retry the named finished flow runs, or those that the flags select: only FAILED and CRASHED runs unless --state is given.\n" +
			"A worker or a served process of its deployment starts the run again. A run without a deployment is started by `prefect\n" +
			"flow-run retry`, which needs its code; with --force, such a run is only set to SCHEDULED.",
		Example: `  kubectl taskrun flow retry quiet-walleye
  kubectl taskrun flow retry --flow etl --state CRASHED
  kubectl taskrun flow retry --tag nightly --after 10m`,
		ValidArgsFunction: completeRuns(p, &which, func(one flowItem) error { return flowRetriable(one, true) }),
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

func flowRetriable(one flowItem, force bool) error {
	switch {
	case !one.Finished():
		return fmt.Errorf("it has not finished: it is %s", stateText(one.State))
	case one.DeploymentID == "" && !force:
		return fmt.Errorf("no deployment can start it again: run prefect flow-run retry %s --entrypoint FILE:FLOW", one.ID)
	default:
		return nil
	}
}

func flowRetryNote(one flowItem) string {
	if one.DeploymentID != "" {
		return ""
	}
	return "no deployment starts it: its process has to"
}
