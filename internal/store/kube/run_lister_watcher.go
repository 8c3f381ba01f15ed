package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// uncheckedKey is the context key of requests whose responses the Transport does not
// change, because their reader handles objects that cannot be decoded.
type uncheckedKey struct{}

// runListerWatcher lists and watches the TaskRuns of a namespace, or of all for "". It adds
// the objects of a list to the index while the rest of the response is on its way, so that
// they are never in memory together. The list that it returns has no items.
type runListerWatcher struct {
	client    rest.Interface
	namespace string
	store     reflectorStore
	timedOut  bool // the last list timed out before its first byte
	brokeOff  bool // some objects of the last list were added
}

// ListWithContext adds all objects of one version to the index. A request for any version
// becomes one for the most recent version, which the API server serves from its watch
// cache, too. After a list that broke off, the objects come from a stream of events, for
// which the API server has no time limit.
func (l *runListerWatcher) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list := l.listAll
	if l.timedOut || l.brokeOff {
		list = l.streamAll
	}
	l.store.scope.BeginList()
	version, err := list(ctx, options)
	l.timedOut = apierrors.IsTimeout(err)
	if err != nil {
		return nil, err
	}
	l.brokeOff = false
	return &internalversion.List{ListMeta: metav1.ListMeta{ResourceVersion: version}}, nil
}

// listAll requests all objects at once. Pages would cost more: the API server reads
// most of them from etcd, not from its watch cache.
func (l *runListerWatcher) listAll(ctx context.Context, options metav1.ListOptions) (version string, err error) {
	options.Limit, options.Continue = 0, ""
	if options.ResourceVersion == "0" {
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
	}
	body, err := l.request(ctx, &options)
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := streamItems(body, l.add)
	if err != nil {
		return "", fmt.Errorf("listing TaskRuns: %w", err)
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(text, &list); err != nil || list.ResourceVersion == "" {
		return "", errors.Join(errors.New("listing TaskRuns: the list has no resourceVersion"), err)
	}
	return list.ResourceVersion, nil
}

// streamAll watches with initial events until it has all objects. If the API server
// does not support that, it lists them.
func (l *runListerWatcher) streamAll(ctx context.Context, options metav1.ListOptions) (version string, err error) {
	events, err := l.WatchWithContext(ctx, metav1.ListOptions{
		SendInitialEvents: new(true), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, AllowWatchBookmarks: true,
	})
	if apierrors.IsInvalid(err) {
		return l.listAll(ctx, options)
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
			if version, err = l.addEvent(event); err != nil || version != "" {
				return version, err
			}
		}
	}
}

// add adds an object of a list.
func (l *runListerWatcher) add(object runtime.Object) error {
	l.brokeOff = true // until the end of the list
	return l.store.Add(object)
}

// addEvent adds an event of a stream. The result is the version of the list at its end,
// and empty before.
func (l *runListerWatcher) addEvent(event watch.Event) (version string, err error) {
	switch event.Type {
	case watch.Error:
		return "", apierrors.FromObject(event.Object)
	case watch.Deleted:
		return "", l.store.Delete(event.Object)
	case watch.Bookmark:
		o, err := meta.Accessor(event.Object)
		if err != nil || o.GetAnnotations()[metav1.InitialEventsAnnotationKey] != "true" {
			return "", err
		}
		return o.GetResourceVersion(), nil
	default:
		return "", l.add(event.Object)
	}
}

// WatchWithContext returns the events after a version.
func (l *runListerWatcher) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	body, err := l.request(ctx, &options)
	if err != nil {
		return nil, err
	}
	return watch.NewStreamWatcher(newEventDecoder(body),
		apierrors.NewClientErrorReporter(http.StatusInternalServerError, "watch", "ClientWatchDecoding")), nil
}

func (l *runListerWatcher) request(ctx context.Context, options *metav1.ListOptions) (io.ReadCloser, error) {
	return l.client.Get().NamespaceIfScoped(l.namespace, l.namespace != "").Resource(resource).
		VersionedParams(options, metav1.ParameterCodec).SetHeader("Accept", runtime.ContentTypeJSON).
		Stream(context.WithValue(ctx, uncheckedKey{}, true))
}

// List is ListWithContext without a context.
func (l *runListerWatcher) List(options metav1.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(context.Background(), options)
}

// Watch is WatchWithContext without a context.
func (l *runListerWatcher) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(context.Background(), options)
}
