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

// NewInformer creates the informers of a cache whose objects go through the Ingest.
// That of TaskRuns lists as lister does. An object of our kinds that cannot be decoded
// ends no list and no watch, if the requests go through the Ingest's Transport. Readiness
// does not depend on StateProposals, which no read over REST returns.
func (i *Ingest) NewInformer(
	lw toolscache.ListerWatcher, example runtime.Object, resync time.Duration, indexers toolscache.Indexers,
) toolscache.SharedIndexInformer {
	switch example.(type) {
	case *v1alpha1.TaskRun:
		lw = &watched{ListerWatcherWithContext: i.lister(lw), kind: v1alpha1.KindTaskRun, health: i.watches}
	case *v1alpha1.ConcurrencyLimit:
		of := marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: v1alpha1.KindConcurrencyLimit}
		lw = &watched{ListerWatcherWithContext: of, kind: v1alpha1.KindConcurrencyLimit, health: i.watches}
	case *v1alpha1.StateProposal:
		lw = marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: v1alpha1.KindStateProposal}
		informer := toolscache.NewSharedIndexInformer(lw, example, resync, indexers)
		_, _ = informer.AddEventHandler(proposalHandler{i.index.Undecodables()}) // fails for a stopped informer only
		return informer
	}
	return toolscache.NewSharedIndexInformer(lw, example, resync, indexers)
}

func (i *Ingest) lister(lw toolscache.ListerWatcher) *lister {
	of := marked{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(lw), kind: v1alpha1.KindTaskRun}
	return &lister{ListerWatcherWithContext: of, ingest: i}
}

// lister lists TaskRuns with one plain list. If its requests go through the Ingest's
// Transport, the Ingest gets each object while the rest of the response is on its way, so
// that the whole objects are never in memory together.
type lister struct {
	toolscache.ListerWatcherWithContext

	ingest *Ingest
	// orphans are the objects of lists that broke off. The informer never gets them, so
	// it would not report their deletion.
	orphans  []*v1alpha1.TaskRun
	timedOut bool // the last list reached a time limit before its first byte
}

// ListWithContext returns all objects at one version, as the Ingest trims them. A
// request for any version becomes one for the most recent version, which the API server
// serves from its watch cache, too. After a list that broke off, the objects come from a
// stream of events, for which the API server has no time limit.
func (l *lister) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list := l.listAll
	if l.timedOut || len(l.orphans) > 0 {
		list = l.streamAll
	}
	into := &listCollector{ingest: l.ingest}
	version, err := list(ctx, options, into)
	l.orphans = append(l.orphans, into.orphans...)
	l.timedOut = apierrors.IsTimeout(err)
	if err != nil {
		l.orphans = append(l.orphans, into.objects...)
		return nil, err
	}
	l.removeOrphans(into.objects)
	all := &internalversion.List{Items: make([]runtime.Object, len(into.objects))}
	all.ResourceVersion = version
	for i, object := range into.objects {
		all.Items[i] = object
	}
	return all, nil
}

// listAll requests all objects at once. Pages would cost more: the API server reads
// most of them from etcd, not from its watch cache.
func (l *lister) listAll(ctx context.Context, options metav1.ListOptions, into *listCollector) (version string, err error) {
	options.Limit, options.Continue = 0, ""
	if options.ResourceVersion == "0" {
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
	}
	answer, err := l.ListerWatcherWithContext.ListWithContext(context.WithValue(ctx, listCollectorKey{}, into), options)
	if err != nil {
		return "", err
	}
	list, ok := answer.(*v1alpha1.TaskRunList)
	if !ok {
		return "", fmt.Errorf("listing TaskRuns: the API server sent %T", answer)
	}
	// Objects that have not been through the Transport are in the response.
	for i := range list.Items {
		if err := into.add(&list.Items[i]); err != nil {
			return "", err
		}
	}
	return list.ResourceVersion, nil
}

// streamAll watches with initial events until it has all objects. If the API server
// does not support that, it lists them.
func (l *lister) streamAll(ctx context.Context, options metav1.ListOptions, into *listCollector) (version string, err error) {
	events, err := l.WatchWithContext(ctx, metav1.ListOptions{
		SendInitialEvents: new(true), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, AllowWatchBookmarks: true,
	})
	if apierrors.IsInvalid(err) {
		return l.listAll(ctx, options, into)
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

// event adds an event of a stream. The result is the version of the list at its end,
// and empty before.
func (g *listCollector) event(event watch.Event) (version string, err error) {
	o, ok := event.Object.(*v1alpha1.TaskRun)
	switch {
	case event.Type == watch.Error:
		return "", apierrors.FromObject(event.Object)
	case !ok:
		return "", fmt.Errorf("watching TaskRuns: the API server sent %T", event.Object)
	case event.Type == watch.Added:
		return "", g.add(o)
	case event.Type == watch.Bookmark && o.Annotations[metav1.InitialEventsAnnotationKey] == "true":
		return o.ResourceVersion, nil
	case event.Type == watch.Bookmark:
		return "", nil
	}
	g.objects = slices.DeleteFunc(g.objects, func(other *v1alpha1.TaskRun) bool { return other.UID == o.UID })
	if event.Type == watch.Modified {
		return "", g.add(o)
	}
	g.orphans = append(g.orphans, o)
	return "", nil
}

// removeOrphans removes those orphans from the index that a whole list does not have.
func (l *lister) removeOrphans(objects []*v1alpha1.TaskRun) {
	if len(l.orphans) == 0 {
		return
	}
	listed := make(map[types.UID]bool, len(objects))
	for _, o := range objects {
		listed[o.UID] = true
	}
	for _, o := range l.orphans {
		if !listed[o.UID] {
			l.ingest.index.Namespace(o.Namespace).Remove(o.UID)
		}
	}
	l.orphans = nil
}
