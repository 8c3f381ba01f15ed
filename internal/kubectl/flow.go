package kubectl

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
)

// flow is `kubectl taskrun flow`.
func (p *plugin) flow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "flow",
		Aliases: []string{"flows"},
		Short:   "Show and change flow runs",
		Long: "Show and change Prefect flow runs that are FlowRun objects. Name a run by its object, by its id over REST, or by its\n" +
			"run name, such as quiet-walleye.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.flowList(), p.flowDescribe(), p.flowCancel(), p.flowRetry())
	return cmd
}

// flowItem is a flow run and its object.
type flowItem struct {
	*flowrun.Run

	object *v1alpha1.FlowRun
	// flowName is the RegisteredFlow that the object names. flow is the name of the flow
	// for users, or else flowName or the id of the flow.
	flowName, flow string
}

func (i flowItem) kind() string                { return v1alpha1.KindFlowRun }
func (i flowItem) key() string                 { return "flowrun.taskrun.dev/" + i.object.Name }
func (i flowItem) meta() client.Object         { return i.object }
func (i flowItem) state() *orchestration.State { return i.State }
func (i flowItem) runName() string             { return i.Name }
func (i flowItem) times() runTimes             { return runTimes{i.Created, i.Updated, i.TotalRunTime} }

func flowRunList(found []flowItem) runtime.Object {
	list := &v1alpha1.FlowRunList{Items: make([]v1alpha1.FlowRun, len(found))}
	for i, one := range found {
		list.Items[i] = *one.object
	}
	return list
}

// flowNames are the flows of a cluster or of a namespace.
type flowNames struct {
	byObject, byID map[client.ObjectKey]*flowrun.Flow // the name is that of the object, or the id
}

// readFlowNames reads the flows. Without the permission, runs show the names of objects.
func (p *plugin) readFlowNames(ctx context.Context, reader client.Reader, namespace string) flowNames {
	names := flowNames{map[client.ObjectKey]*flowrun.Flow{}, map[client.ObjectKey]*flowrun.Flow{}}
	var page v1alpha1.RegisteredFlowList
	err := eachPage(ctx, reader, &page, &client.ListOptions{Namespace: namespace, Limit: pageSize}, func() {
		for i := range page.Items {
			object := &page.Items[i]
			flow := convert.FlowFromObject(object)
			names.byObject[client.ObjectKeyFromObject(object)] = flow
			names.byID[client.ObjectKey{Namespace: object.Namespace, Name: flow.ID}] = flow
		}
		page = v1alpha1.RegisteredFlowList{}
	})
	if err != nil {
		p.note("The names of the flows cannot be read: %v", err)
	}
	return names
}

// item returns the run of an object.
func (n flowNames) item(object *v1alpha1.FlowRun) flowItem {
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.KindFlowRun))
	converted := convert.FlowRunFromObject(object)
	one := flowItem{Run: converted.Run, object: object, flowName: converted.FlowName}
	flow := cmp.Or(
		n.byObject[client.ObjectKey{Namespace: object.Namespace, Name: one.flowName}],
		n.byID[client.ObjectKey{Namespace: object.Namespace, Name: one.FlowID}],
	)
	one.flow = cmp.Or(one.flowName, one.FlowID)
	if flow != nil {
		one.flow = flow.Name
	}
	return one
}
