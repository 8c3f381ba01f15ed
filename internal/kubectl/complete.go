package kubectl

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// completeRuns completes the names of eligible runs from the first page of the list,
// because a completion must be fast. A nil eligible accepts all.
func completeRuns[T row](p *plugin, from source[T], eligible func(T) error) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cluster, err := p.Connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		page, err := from.page(cmd.Context(), cluster.Client, cluster.Namespace)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []cobra.Completion
		for _, one := range page {
			name := one.meta().GetName()
			if !strings.HasPrefix(name, typed) || slices.Contains(given, name) || (eligible != nil && eligible(one) != nil) {
				continue
			}
			names = append(names, cobra.CompletionWithDesc(printable(name), printable(stateText(one.state())+" "+one.runName())))
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
