package kubectl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
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

func (i item) kind() string                { return v1alpha1.KindTaskRun }
func (i item) key() string                 { return "taskrun.taskrun.dev/" + i.object.Name }
func (i item) meta() client.Object         { return i.object }
func (i item) state() *orchestration.State { return i.State }
func (i item) runName() string             { return i.Name }
func (i item) times() runTimes             { return runTimes{i.Created, i.Updated, i.TotalRunTime} }

func taskRunList(found []item) runtime.Object {
	list := &v1alpha1.TaskRunList{Items: make([]v1alpha1.TaskRun, len(found))}
	for i, one := range found {
		list.Items[i] = *one.object
	}
	return list
}

// selector selects task runs.
type selector struct {
	criteria

	task    string
	flowRun string
	worker  string
}

func (c *selector) bind(cmd *cobra.Command) {
	c.criteria.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&c.task, "task", "", "key of the task")
	f.StringVar(&c.flowRun, "flow-run", "", "id of the flow run")
	f.StringVar(&c.worker, "worker", "", "client id of the worker that holds the runs")
}

func (c *selector) empty() bool {
	return c.criteria.empty() && c.task == "" && c.flowRun == "" && c.worker == ""
}

func (c *selector) flags() string {
	return "--selector, --state, --task, --flow-run, --tag or --worker"
}

// options returns list options that select the runs as far as the API server can.
func (c *selector) options(namespace string) (*client.ListOptions, error) {
	var terms []fields.Selector
	if c.task != "" {
		terms = append(terms, fields.OneTermEqualSelector("spec.taskKey", c.task))
	}
	if c.flowRun != "" {
		terms = append(terms, fields.OneTermEqualSelector("spec.flowRunID", c.flowRun))
	}
	return c.criteria.options(namespace, terms...)
}

// matches applies the conditions that the API server cannot apply.
func (c *selector) matches(run *taskrun.Run) bool {
	same := func(word, is string) bool { return word == "" || word == is }
	return c.criteria.matches(run.State, run.Tags) &&
		same(c.task, run.TaskKey) && same(c.flowRun, run.FlowRunID) && same(c.worker, run.Holder())
}

func (c *selector) find(ctx context.Context, reader client.Reader, namespace string) ([]item, error) {
	options, err := c.options(namespace)
	if err != nil {
		return nil, err
	}
	var found []item
	var page v1alpha1.TaskRunList
	unknown := c.unknownStates()
	err = eachPage(ctx, reader, &page, options, func() {
		for i := range page.Items {
			one := itemOf(&page.Items[i])
			unknown.drop(one.State)
			if c.matches(one.Run) {
				found = append(found, one)
			}
		}
		page = v1alpha1.TaskRunList{}
	})
	if err = cmp.Or(err, unknown.err()); err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b item) int { return a.Created.Compare(b.Created) })
	return found, nil
}

func (c *selector) page(ctx context.Context, reader client.Reader, namespace string) ([]item, error) {
	var page v1alpha1.TaskRunList
	if err := reader.List(ctx, &page, client.InNamespace(namespace), client.Limit(pageSize)); err != nil {
		return nil, err
	}
	found := make([]item, len(page.Items))
	for i := range page.Items {
		found[i] = itemOf(&page.Items[i])
	}
	return found, nil
}

func (c *selector) named(ctx context.Context, reader client.Reader, namespace, name string) (item, error) {
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
		return fmt.Errorf("this cluster lacks a kind of the operator, install the operator first: %w", err)
	case apierrors.ReasonForError(err) == metav1.StatusReasonForbidden:
		return fmt.Errorf("%w: reading needs the role view in that namespace, changing a run the role edit, --force the role admin", err)
	default:
		return err
	}
}
