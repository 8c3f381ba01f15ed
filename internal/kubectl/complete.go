package kubectl

import (
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// completeRuns offers the names of the runs that can be meant: of those in the
// first page, for a user who types does not wait for more.
func (p *plugin) completeRuns(covers func(*taskrun.Run) error) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cluster, err := p.Connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var page v1alpha1.TaskRunList
		if err := cluster.Client.List(cmd.Context(), &page, client.InNamespace(cluster.Namespace), client.Limit(pageSize)); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		taken := map[string]bool{}
		for _, name := range given {
			taken[name] = true
		}
		var names []cobra.Completion
		for i := range page.Items {
			one := itemOf(&page.Items[i])
			if !strings.HasPrefix(one.object.Name, typed) || taken[one.object.Name] || (covers != nil && covers(one.Run) != nil) {
				continue
			}
			names = append(names, cobra.CompletionWithDesc(printable(one.object.Name), printable(stateText(one.State)+" "+one.Name)))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// stateNames are the names that Prefect gives to states, beside the default name of
// each type.
var stateNames = []string{
	orchestration.NameAwaitingRetry, orchestration.NameRetrying, orchestration.NameRerunning, orchestration.NameCached,
	orchestration.NameNotReady, "Late", "TimedOut", "RolledBack", "AwaitingConcurrencySlot", "Suspended", "Resuming",
}

// stateTypes are the types of state there are.
func stateTypes() []string {
	types := make([]string, len(orchestration.StateTypes))
	for i, stateType := range orchestration.StateTypes {
		types[i] = string(stateType)
	}
	return types
}
