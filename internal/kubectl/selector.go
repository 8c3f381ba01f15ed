package kubectl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// pageSize is the number of objects per list request, as in kubectl.
const pageSize = 500

// item is a run and its object.
type item struct {
	*taskrun.Run

	object *v1alpha1.TaskRun
}

func itemOf(object *v1alpha1.TaskRun) item {
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TaskRun"))
	return item{Run: convert.RunFromObject(object), object: object}
}

// key returns the name of the object with its resource, as kubectl accepts it.
func (i item) key() string { return "taskrun.taskrun.dev/" + i.object.Name }

// selector selects runs.
type selector struct {
	labels  string
	states  []string
	task    string
	flowRun string
	tags    []string
	worker  string
}

func (c *selector) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.labels, "selector", "l", "", "Kubernetes labels of the objects, such as team=data,shard!=3")
	f.StringSliceVar(&c.states, "state", nil, "types or names of states, separated by commas, such as FAILED,AwaitingRetry")
	f.StringVar(&c.task, "task", "", "key of the task")
	f.StringVar(&c.flowRun, "flow-run", "", "id of the flow run")
	f.StringSliceVar(&c.tags, "tag", nil, "tag of the runs (can be repeated: runs with all of the tags)")
	f.StringVar(&c.worker, "worker", "", "client id of the worker that holds the runs")
	_ = cmd.RegisterFlagCompletionFunc("state", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return slices.Concat(stateTypes(), stateNames), cobra.ShellCompDirectiveNoFileComp
	})
}

// empty reports whether all runs are selected.
func (c *selector) empty() bool {
	return c.labels == "" && len(c.states) == 0 && c.task == "" && c.flowRun == "" && len(c.tags) == 0 && c.worker == ""
}

// options returns list options that select the runs as far as the API server can.
func (c *selector) options(namespace string) (*client.ListOptions, error) {
	options := &client.ListOptions{Namespace: namespace, Limit: pageSize}
	if c.labels != "" {
		selector, err := labels.Parse(c.labels)
		if err != nil {
			return nil, fmt.Errorf("--selector: %w", err)
		}
		options.LabelSelector = selector
	}
	var terms []fields.Selector
	if c.task != "" {
		terms = append(terms, fields.OneTermEqualSelector("spec.taskKey", c.task))
	}
	if c.flowRun != "" {
		terms = append(terms, fields.OneTermEqualSelector("spec.flowRunID", c.flowRun))
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
func (c *selector) excludedStateTypes() []string {
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

// unknownStates returns the words of --state that are neither types nor names that
// Prefect uses. A client can give a state any name.
func (c *selector) unknownStates() []string {
	known := slices.Concat(stateTypes(), stateNames)
	return slices.DeleteFunc(slices.Clone(c.states), func(word string) bool {
		return slices.ContainsFunc(known, func(one string) bool { return strings.EqualFold(one, word) })
	})
}

// matches applies the conditions that the API server cannot apply.
func (c *selector) matches(run *taskrun.Run) bool {
	lacks := func(tag string) bool { return !slices.Contains(run.Tags, tag) }
	same := func(word, is string) bool { return word == "" || word == is }
	return c.matchesState(run.State) && !slices.ContainsFunc(c.tags, lacks) &&
		same(c.task, run.TaskKey) && same(c.flowRun, run.FlowRunID) && same(c.worker, run.Holder())
}

func (c *selector) matchesState(state *orchestration.State) bool {
	return len(c.states) == 0 || slices.ContainsFunc(c.states, func(word string) bool {
		return strings.EqualFold(word, string(state.Type)) || strings.EqualFold(word, state.Name)
	})
}

// find returns the selected runs, oldest first.
func (c *selector) find(ctx context.Context, reader client.Reader, namespace string) ([]item, error) {
	options, err := c.options(namespace)
	if err != nil {
		return nil, err
	}
	var found []item
	unknown := c.unknownStates()
	for {
		var page v1alpha1.TaskRunList
		if err := reader.List(ctx, &page, options); err != nil {
			return nil, explain(err)
		}
		for i := range page.Items {
			one := itemOf(&page.Items[i])
			unknown = slices.DeleteFunc(unknown, func(word string) bool { return strings.EqualFold(word, one.State.Name) })
			if c.matches(one.Run) {
				found = append(found, one)
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("--state %s: no type of a state, and no run has a state of this name; types: %s; names that Prefect uses: %s",
			unknown[0], strings.Join(stateTypes(), ", "), strings.Join(stateNames, ", "))
	}
	slices.SortStableFunc(found, func(a, b item) int { return a.Created.Compare(b.Created) })
	return found, nil
}

// named returns the run with this name, or with this id over REST.
func named(ctx context.Context, reader client.Reader, namespace, name string) (item, error) {
	object := &v1alpha1.TaskRun{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
	if err == nil {
		return itemOf(object), nil
	}
	id, notID := uuid.Parse(name)
	if !apierrors.IsNotFound(err) || notID != nil {
		return item{}, explain(err)
	}
	all, listErr := (&selector{}).find(ctx, reader, namespace)
	if listErr != nil {
		return item{}, listErr
	}
	for _, one := range all { // if two objects have the id, the older one is the run
		if one.ID == id.String() {
			return one, nil
		}
	}
	return item{}, fmt.Errorf("no TaskRun in the namespace %s has the name or the id %s", namespace, name)
}

// explain adds the fix to an error of the API server.
func explain(err error) error {
	var undecodable *taskrun.UndecodableError
	switch {
	case errors.As(err, &undecodable):
		return undecodable
	case meta.IsNoMatchError(err):
		return fmt.Errorf("this cluster has no TaskRun kind, install the operator first: %w", err)
	case apierrors.ReasonForError(err) == metav1.StatusReasonForbidden:
		return fmt.Errorf("%w: reading needs the role view in that namespace, changing a run the role edit, --force the role admin", err)
	default:
		return err
	}
}
