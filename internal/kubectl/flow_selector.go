package kubectl

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// flowSelector selects flow runs.
type flowSelector struct {
	criteria

	plugin   *plugin
	flow     string
	topLevel bool
	names    *flowNames // nil: not read yet
}

func (c *flowSelector) bind(cmd *cobra.Command) {
	c.criteria.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&c.flow, "flow", "", "name of the flow, or of its RegisteredFlow")
	f.BoolVar(&c.topLevel, "top-level", false, "without subflows")
	_ = cmd.RegisterFlagCompletionFunc("flow", c.completeFlows)
}

// completeFlows completes the names of flows.
func (c *flowSelector) completeFlows(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	cluster, err := c.plugin.Connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []cobra.Completion
	for _, flow := range c.plugin.readFlowNames(cmd.Context(), cluster.Client, cluster.Namespace).byObject {
		names = append(names, printable(flow.Name))
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

func (c *flowSelector) empty() bool { return c.criteria.empty() && c.flow == "" && !c.topLevel }

func (c *flowSelector) flags() string {
	return "--selector, --state, --flow, --tag or --top-level"
}

func (c *flowSelector) matches(one flowItem) bool {
	return c.criteria.matches(one.State, one.Tags) &&
		(c.flow == "" || c.flow == one.flow || c.flow == one.flowName) && (!c.topLevel || one.ParentTaskRunID == "")
}

// readNames reads the flows of a namespace once.
func (c *flowSelector) readNames(ctx context.Context, reader client.Reader, namespace string) flowNames {
	if c.names == nil {
		c.names = new(c.plugin.readFlowNames(ctx, reader, namespace))
	}
	return *c.names
}

func (c *flowSelector) find(ctx context.Context, reader client.Reader, namespace string) ([]flowItem, error) {
	options, err := c.options(namespace)
	if err != nil {
		return nil, err
	}
	names := c.readNames(ctx, reader, namespace)
	var found []flowItem
	var page v1alpha1.FlowRunList
	unknown := c.unknownStates()
	err = eachPage(ctx, reader, &page, options, func() {
		for i := range page.Items {
			one := names.item(&page.Items[i])
			unknown.drop(one.State)
			if c.matches(one) {
				found = append(found, one)
			}
		}
		page = v1alpha1.FlowRunList{}
	})
	if err = cmp.Or(err, unknown.err()); err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b flowItem) int { return a.Created.Compare(b.Created) })
	return found, nil
}

func (c *flowSelector) page(ctx context.Context, reader client.Reader, namespace string) ([]flowItem, error) {
	var page v1alpha1.FlowRunList
	if err := reader.List(ctx, &page, client.InNamespace(namespace), client.Limit(pageSize)); err != nil {
		return nil, err
	}
	found := make([]flowItem, len(page.Items))
	for i := range page.Items {
		found[i] = flowNames{}.item(&page.Items[i])
	}
	return found, nil
}

// named returns the run with the name of an object, with an id over REST, or with a run
// name that no other run has.
func (c *flowSelector) named(ctx context.Context, reader client.Reader, namespace, name string) (flowItem, error) {
	object := &v1alpha1.FlowRun{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: strings.ToLower(name)}, object)
	if err == nil {
		return c.readNames(ctx, reader, namespace).item(object), nil
	}
	if !apierrors.IsNotFound(err) && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		return flowItem{}, explain(err)
	}
	all, err := (&flowSelector{plugin: c.plugin, names: c.names}).find(ctx, reader, namespace)
	if err != nil {
		return flowItem{}, err
	}
	return runByName(all, namespace, name)
}

// runByName returns the run with an id over REST or a run name, of runs with the oldest
// first.
func runByName(all []flowItem, namespace, name string) (flowItem, error) {
	id, notID := uuid.Parse(name)
	var sameName []flowItem
	for _, one := range all {
		if notID == nil && one.ID == id.String() { // if two objects have the id, the older one is the run
			return one, nil
		}
		if one.Name == name {
			sameName = append(sameName, one)
		}
	}
	switch len(sameName) {
	case 0:
		return flowItem{}, fmt.Errorf("no FlowRun in the namespace %s has the name, the id or the run name %s", namespace, name)
	case 1:
		return sameName[0], nil
	default:
		return flowItem{}, fmt.Errorf("%d FlowRuns have the run name %s, the newest is %s: use the name of the object",
			len(sameName), name, sameName[len(sameName)-1].object.Name)
	}
}

// subflow returns the run with an id over REST; false if there is none.
func (c *flowSelector) subflow(ctx context.Context, reader client.Reader, namespace, id string) (flowItem, bool, error) {
	object := &v1alpha1.FlowRun{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: id}, object)
	if err == nil || !apierrors.IsNotFound(err) {
		return c.readNames(ctx, reader, namespace).item(object), err == nil, err
	}
	var page v1alpha1.FlowRunList
	err = reader.List(ctx, &page, client.InNamespace(namespace),
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("status.id", id)})
	if err != nil {
		return flowItem{}, false, explain(err)
	}
	for i := range page.Items {
		if one := c.readNames(ctx, reader, namespace).item(&page.Items[i]); one.ID == id {
			return one, true, nil
		}
	}
	return flowItem{}, false, nil
}
