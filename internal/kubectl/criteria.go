package kubectl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// criteria select runs of either kind.
type criteria struct {
	labels string
	states []string
	tags   []string
}

func (c *criteria) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.labels, "selector", "l", "", "Kubernetes labels of the objects, such as team=data,shard!=3")
	f.StringSliceVar(&c.states, "state", nil, "types or names of states, separated by commas, such as FAILED,AwaitingRetry")
	f.StringSliceVar(&c.tags, "tag", nil, "tag of the runs (can be repeated: runs with all of the tags)")
	_ = cmd.RegisterFlagCompletionFunc("state", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return slices.Concat(stateTypes(), stateNames), cobra.ShellCompDirectiveNoFileComp
	})
}

// empty reports whether all runs are selected.
func (c *criteria) empty() bool { return c.labels == "" && len(c.states) == 0 && len(c.tags) == 0 }

// failedOnly selects FAILED and CRASHED runs unless a state is selected.
func (c *criteria) failedOnly() {
	if len(c.states) == 0 {
		c.states = []string{string(orchestration.Failed), string(orchestration.Crashed)}
	}
}

// options returns list options that select the runs as far as the API server can, by these
// terms too.
func (c *criteria) options(namespace string, terms ...fields.Selector) (*client.ListOptions, error) {
	options := &client.ListOptions{Namespace: namespace, Limit: pageSize}
	if c.labels != "" {
		selector, err := labels.Parse(c.labels)
		if err != nil {
			return nil, fmt.Errorf("--selector: %w", err)
		}
		options.LabelSelector = selector
	}
	// An object without a status has no state type for the API server to compare, so
	// the options exclude the other types instead.
	for _, other := range c.excludedStateTypes() {
		terms = append(terms, fields.OneTermNotEqualSelector("status.state.type", other))
	}
	if len(terms) > 0 {
		options.FieldSelector = fields.AndSelectors(terms...)
	}
	return options, nil
}

// excludedStateTypes returns the types of state that are not selected, none if a
// state is selected by name.
func (c *criteria) excludedStateTypes() []string {
	if len(c.states) == 0 {
		return nil
	}
	others := stateTypes()
	for _, word := range c.states {
		isSelected := func(stateType string) bool { return strings.EqualFold(stateType, word) }
		if !slices.ContainsFunc(stateTypes(), isSelected) {
			return nil
		}
		others = slices.DeleteFunc(others, isSelected)
	}
	return others
}

// matches reports whether a run has a selected state and all the tags.
func (c *criteria) matches(state *orchestration.State, tags []string) bool {
	lacks := func(tag string) bool { return !slices.Contains(tags, tag) }
	return c.matchesState(state) && !slices.ContainsFunc(c.tags, lacks)
}

func (c *criteria) matchesState(state *orchestration.State) bool {
	return len(c.states) == 0 || slices.ContainsFunc(c.states, func(word string) bool {
		return strings.EqualFold(word, string(state.Type)) || strings.EqualFold(word, state.Name)
	})
}

// unknownStates are the words of --state that are neither types, nor names that Prefect
// uses, nor the name of the state of a run. A client can give a state any name.
type unknownStates []string

func (c *criteria) unknownStates() unknownStates {
	known := slices.Concat(stateTypes(), stateNames)
	return slices.DeleteFunc(slices.Clone(c.states), func(word string) bool {
		return slices.ContainsFunc(known, func(one string) bool { return strings.EqualFold(one, word) })
	})
}

// drop removes the name of a state.
func (u *unknownStates) drop(state *orchestration.State) {
	*u = slices.DeleteFunc(*u, func(word string) bool { return strings.EqualFold(word, state.Name) })
}

func (u unknownStates) err() error {
	if len(u) == 0 {
		return nil
	}
	return fmt.Errorf("--state %s: no type of a state, and no run has a state of this name; types: %s; names that Prefect uses: %s",
		u[0], strings.Join(stateTypes(), ", "), strings.Join(stateNames, ", "))
}
