package kube

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// NewInformer makes the informers of a cache whose objects go through the Intake.
// That of TaskRuns lists as lister does, and no object of any of Kinds that cannot
// be decoded ends a list or a watch, if the requests go through the Intake's
// Transport. All others are as informers are. Readiness does not depend on
// StateProposals, which no read over REST returns.
func (i *Intake) NewInformer(
	lw toolscache.ListerWatcher, example runtime.Object, resync time.Duration, indexers toolscache.Indexers,
) toolscache.SharedIndexInformer {
	switch example.(type) {
	case *v1alpha1.TaskRun:
		lw = &watched{ListerWatcherWithContext: i.lister(lw), kind: kindTaskRun, view: i.view}
	case *v1alpha1.ConcurrencyLimit:
		of := marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: kindConcurrencyLimit}
		lw = &watched{ListerWatcherWithContext: of, kind: kindConcurrencyLimit, view: i.view}
	case *v1alpha1.StateProposal:
		lw = marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: kindStateProposal}
		informer := toolscache.NewSharedIndexInformer(lw, example, resync, indexers)
		_, _ = informer.AddEventHandler(proposalFeed{i.view.undecodable}) // fails for a stopped informer only
		return informer
	}
	return toolscache.NewSharedIndexInformer(lw, example, resync, indexers)
}

func (i *Intake) lister(lw toolscache.ListerWatcher) *lister {
	of := marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: kindTaskRun}
	return &lister{ListerWatcherWithContext: of, intake: i}
}

// lister lists TaskRuns as one plain list, and has the Intake take each object
// while the rest of the answer is on its way, if its requests go through the
// Intake's Transport. So the whole objects are never in memory together.
type lister struct {
	toolscache.ListerWatcherWithContext

	intake *Intake
	// strays are the objects of lists that broke off. The informer never hears
	// of them, so it would not tell of their deletion.
	strays []*v1alpha1.TaskRun
	late   bool // the last list ran into a time limit before there was anything of it
}

// ListWithContext returns what the Intake leaves of all objects of one version.
// A list of any version is one of the most recent version, as a stream of the
// first objects would be: it comes from the API server's cache all the same.
// After a list that broke off, it is taken from such a stream, which the API
// server sets no time limit to.
func (l *lister) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list := l.whole
	if l.late || len(l.strays) > 0 {
		list = l.stream
	}
	into := &gathering{intake: l.intake}
	version, err := list(ctx, options, into)
	l.strays = append(l.strays, into.strays...)
	l.late = apierrors.IsTimeout(err)
	if err != nil {
		l.strays = append(l.strays, into.stubs...)
		return nil, err
	}
	l.forget(into.stubs)
	all := &internalversion.List{Items: make([]runtime.Object, len(into.stubs))}
	all.ResourceVersion = version
	for i, stub := range into.stubs {
		all.Items[i] = stub
	}
	return all, nil
}

// whole asks for all objects at once. Pages would spare nothing: the API server
// reads most of them from etcd, not from its cache, at several times the cost.
func (l *lister) whole(ctx context.Context, options metav1.ListOptions, into *gathering) (version string, err error) {
	options.Limit, options.Continue = 0, ""
	if options.ResourceVersion == "0" {
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
	}
	answer, err := l.ListerWatcherWithContext.ListWithContext(context.WithValue(ctx, gatheringKey{}, into), options)
	if err != nil {
		return "", err
	}
	list, ok := answer.(*v1alpha1.TaskRunList)
	if !ok {
		return "", fmt.Errorf("listing TaskRuns: the API server sent %T", answer)
	}
	// What has not been through the Transport comes here.
	for i := range list.Items {
		if err := into.take(&list.Items[i]); err != nil {
			return "", err
		}
	}
	return list.ResourceVersion, nil
}

// stream watches from nothing on, until it has seen what there is. An API server
// that cannot do this is asked for the whole list.
func (l *lister) stream(ctx context.Context, options metav1.ListOptions, into *gathering) (version string, err error) {
	events, err := l.WatchWithContext(ctx, metav1.ListOptions{
		SendInitialEvents: new(true), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, AllowWatchBookmarks: true,
	})
	if apierrors.IsInvalid(err) {
		return l.whole(ctx, options, into)
	}
	if err != nil {
		return "", err
	}
	defer events.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case event, open := <-events.ResultChan():
			if !open {
				return "", fmt.Errorf("watching TaskRuns: %w", io.ErrUnexpectedEOF)
			}
			if version, err = into.event(event); err != nil || version != "" {
				return version, err
			}
		}
	}
}

// event takes what a stream shows, and returns the version at which it has shown
// everything.
func (g *gathering) event(event watch.Event) (version string, err error) {
	o, ok := event.Object.(*v1alpha1.TaskRun)
	switch {
	case event.Type == watch.Error:
		return "", apierrors.FromObject(event.Object)
	case !ok:
		return "", fmt.Errorf("watching TaskRuns: the API server sent %T", event.Object)
	case event.Type == watch.Added:
		return "", g.take(o)
	case event.Type == watch.Bookmark && o.Annotations[metav1.InitialEventsAnnotationKey] == "true":
		return o.ResourceVersion, nil
	case event.Type == watch.Bookmark:
		return "", nil
	}
	g.stubs = slices.DeleteFunc(g.stubs, func(stub *v1alpha1.TaskRun) bool { return stub.UID == o.UID })
	if event.Type == watch.Modified {
		return "", g.take(o)
	}
	g.strays = append(g.strays, o)
	return "", nil
}

// forget takes those strays out of the view that a whole list does not have.
func (l *lister) forget(stubs []*v1alpha1.TaskRun) {
	if len(l.strays) == 0 {
		return
	}
	there := make(map[types.UID]bool, len(stubs))
	for _, o := range stubs {
		there[o.UID] = true
	}
	for _, o := range l.strays {
		if !there[o.UID] {
			l.intake.view.shelf(o.Namespace).remove(o.UID)
		}
	}
	l.strays = nil
}
