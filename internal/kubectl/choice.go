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

// pageSize is how many objects are asked for at once, as kubectl does.
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

// key is how people find the object again.
func (i item) key() string { return "taskrun.taskrun.dev/" + i.object.Name }

// choice says which runs are meant.
type choice struct {
	selector string
	states   []string
	task     string
	flowRun  string
	tags     []string
	worker   string
}

func (c *choice) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.selector, "selector", "l", "", "the runs whose objects have these Kubernetes labels, such as team=data,shard!=3")
	f.StringSliceVar(&c.states, "state", nil, "types or names of states, separated by commas, such as FAILED,AwaitingRetry")
	f.StringVar(&c.task, "task", "", "the runs of the task with this key")
	f.StringVar(&c.flowRun, "flow-run", "", "the runs of the flow run with this id")
	f.StringSliceVar(&c.tags, "tag", nil, "the runs that have this tag; of several, all")
	f.StringVar(&c.worker, "worker", "", "the runs that this worker holds")
	_ = cmd.RegisterFlagCompletionFunc("state", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return slices.Concat(stateTypes(), stateNames), cobra.ShellCompDirectiveNoFileComp
	})
}

// empty reports whether every run is meant.
func (c *choice) empty() bool {
	return c.selector == "" && len(c.states) == 0 && c.task == "" && c.flowRun == "" && len(c.tags) == 0 && c.worker == ""
}

// options ask the API server for as little more than the choice as it can tell.
func (c *choice) options(namespace string) (*client.ListOptions, error) {
	options := &client.ListOptions{Namespace: namespace, Limit: pageSize}
	if c.selector != "" {
		selector, err := labels.Parse(c.selector)
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
	// An object without a status has no state yet that the API server could
	// compare, so the other types are left out instead.
	for _, other := range c.othersThanStates() {
		terms = append(terms, fields.OneTermNotEqualSelector("status.state.type", other))
	}
	if len(terms) > 0 {
		options.FieldSelector = fields.AndSelectors(terms...)
	}
	return options, nil
}

// othersThanStates are the types of state that are not asked for, none where a
// state is asked for by its name.
func (c *choice) othersThanStates() []string {
	if len(c.states) == 0 {
		return nil
	}
	others := stateTypes()
	for _, asked := range c.states {
		isAsked := func(stateType string) bool { return strings.EqualFold(stateType, asked) }
		if !slices.ContainsFunc(stateTypes(), isAsked) {
			return nil
		}
		others = slices.DeleteFunc(others, isAsked)
	}
	return others
}

// unknownStates returns the words of --state that are neither types nor names that
// Prefect uses. A client can give a state any name.
func (c *choice) unknownStates() []string {
	known := slices.Concat(stateTypes(), stateNames)
	return slices.DeleteFunc(slices.Clone(c.states), func(word string) bool {
		return slices.ContainsFunc(known, func(one string) bool { return strings.EqualFold(one, word) })
	})
}

// covers judges what the API server cannot, or did not.
func (c *choice) covers(run *taskrun.Run) bool {
	lacks := func(tag string) bool { return !slices.Contains(run.Tags, tag) }
	same := func(asked, is string) bool { return asked == "" || asked == is }
	return c.coversState(run.State) && !slices.ContainsFunc(c.tags, lacks) &&
		same(c.task, run.TaskKey) && same(c.flowRun, run.FlowRunID) && same(c.worker, run.Holder())
}

func (c *choice) coversState(state *orchestration.State) bool {
	return len(c.states) == 0 || slices.ContainsFunc(c.states, func(asked string) bool {
		return strings.EqualFold(asked, string(state.Type)) || strings.EqualFold(asked, state.Name)
	})
}

// find returns the runs that are meant, oldest first.
func (c *choice) find(ctx context.Context, reader client.Reader, namespace string) ([]item, error) {
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
			if c.covers(one.Run) {
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
	all, listErr := (&choice{}).find(ctx, reader, namespace)
	if listErr != nil {
		return item{}, listErr
	}
	for _, one := range all { // the oldest is the run, where two carry one id
		if one.ID == id.String() {
			return one, nil
		}
	}
	return item{}, fmt.Errorf("no TaskRun in the namespace %s has the name or the id %s", namespace, name)
}

// explain adds the way out to what the API server says.
func explain(err error) error {
	var undecodable *taskrun.UndecodableError
	switch {
	case errors.As(err, &undecodable):
		return undecodable
	case meta.IsNoMatchError(err):
		return fmt.Errorf("this cluster does not know TaskRuns: install the operator first (%w)", err)
	case apierrors.ReasonForError(err) == metav1.StatusReasonForbidden:
		return fmt.Errorf("%w: reading needs the role view in that namespace, moving a run the role edit, --force the role admin", err)
	default:
		return err
	}
}
