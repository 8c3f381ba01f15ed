package kubectl

import (
	"context"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// row is a run of either kind with its object.
type row interface {
	kind() string // of the object
	// key returns the name of the object with its resource, as kubectl accepts it.
	key() string
	meta() client.Object
	state() *orchestration.State
	runName() string
	times() runTimes
}

// source finds runs of one kind.
type source[T row] interface {
	// empty reports whether no flag selects runs.
	empty() bool
	// flags lists the flags that select runs.
	flags() string
	// find returns the selected runs, oldest first.
	find(ctx context.Context, reader client.Reader, namespace string) ([]T, error)
	// named returns the run with the name of an object, or with an id over REST.
	named(ctx context.Context, reader client.Reader, namespace, name string) (T, error)
	// page returns the first page of the list of all runs.
	page(ctx context.Context, reader client.Reader, namespace string) ([]T, error)
}

// selected returns the named runs, or those that the flags select. A name can include the
// resource.
func selected[T row](ctx context.Context, p *plugin, cluster Cluster, from source[T], names []string) ([]T, error) {
	if err := checkSelection(from, names, p.all); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		found, err := from.find(ctx, cluster.Client, p.namespaceOf(cluster))
		if err == nil && len(found) == 0 {
			p.note("No such runs found%s.", where(p.namespaceOf(cluster)))
		}
		return found, err
	}
	found := make([]T, 0, len(names))
	for _, name := range names {
		one, err := from.named(ctx, cluster.Client, cluster.Namespace, name[strings.LastIndex(name, "/")+1:])
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

// checkSelection returns an error unless runs are either named or selected by flags.
func checkSelection[T row](from source[T], names []string, all bool) error {
	switch {
	case len(names) > 0 && !from.empty():
		return errors.New("runs are named, or chosen by flags, not both")
	case len(names) > 0 && all:
		return errors.New("--all-namespaces goes with flags that choose runs, not with names")
	case len(names) == 0 && from.empty():
		return errors.New("which runs? Name them, or choose them by " + from.flags())
	default:
		return nil
	}
}

// eachPage calls use for each page of a list. use must leave the list empty for the next page.
func eachPage(ctx context.Context, reader client.Reader, page client.ObjectList, options *client.ListOptions, use func()) error {
	for {
		if err := reader.List(ctx, page, options); err != nil {
			return explain(err)
		}
		options.Continue = page.GetContinue()
		use()
		if options.Continue == "" {
			return nil
		}
	}
}

// showData shows the objects of runs in a format other than a table. A single one that was
// named is not in a list.
func showData[T row](p *plugin, show *output, found []T, single bool, list func([]T) runtime.Object) error {
	switch {
	case show.format == formatName:
		for _, one := range found {
			p.out.printf("%s\n", one.key())
		}
		return nil
	case single:
		return show.object(p.out, found[0].meta())
	default:
		return show.object(p.out, list(found))
	}
}
