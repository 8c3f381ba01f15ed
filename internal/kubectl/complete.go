package kubectl

import (
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// completeRuns completes the names of eligible runs from the first page of the list,
// because a completion must be fast.
func (p *plugin) completeRuns(eligible func(*taskrun.Run) error) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cluster, err := p.Connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var page v1alpha1.TaskRunList
		if err := cluster.Client.List(cmd.Context(), &page, client.InNamespace(cluster.Namespace), client.Limit(pageSize)); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		used := map[string]bool{}
		for _, name := range given {
			used[name] = true
		}
		var names []cobra.Completion
		for i := range page.Items {
			one := itemOf(&page.Items[i])
			if !strings.HasPrefix(one.object.Name, typed) || used[one.object.Name] || (eligible != nil && eligible(one.Run) != nil) {
				continue
			}
			names = append(names, cobra.CompletionWithDesc(printable(one.object.Name), printable(stateText(one.State)+" "+one.Name)))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// stateNames are the names that Prefect gives to states, in addition to the default
// name of each type.
var stateNames = []string{
	orchestration.NameAwaitingRetry, orchestration.NameRetrying, orchestration.NameRerunning, orchestration.NameCached,
	orchestration.NameNotReady, "Late", "TimedOut", "RolledBack", "AwaitingConcurrencySlot", "Suspended", "Resuming",
}

// stateTypes returns the types of state.
func stateTypes() []string {
	types := make([]string, len(orchestration.StateTypes))
	for i, stateType := range orchestration.StateTypes {
		types[i] = string(stateType)
	}
	return types
}
