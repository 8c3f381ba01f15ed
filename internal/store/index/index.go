package index

import (
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Index holds all runs that this replica knows: from the watch, and from the
// responses to its own calls, so that it reads what it wrote. Of two versions of an
// object it keeps the newer one, wherever that came from.
type Index struct {
	mu         sync.RWMutex
	namespaces map[string]*NamespaceIndex
	interner   *interner
	clock      clock.PassiveClock // nil: deletions are not recorded

	undecodables *Undecodables // of all kinds and namespaces
	changes      *changeHook
	scopes       []*WatchScope // set before the first object is added
}

// New returns an empty Index. With a nil clock, the times of deletions are not
// recorded. With a nil logger, objects that cannot be decoded are not logged.
func New(clock clock.PassiveClock, log *slog.Logger) *Index {
	return &Index{
		namespaces:   map[string]*NamespaceIndex{},
		interner:     &interner{},
		clock:        clock,
		undecodables: newUndecodables(log),
		changes:      &changeHook{},
	}
}

// Namespace returns the index of one namespace. It is created if there is none: the
// namespace need not exist.
func (x *Index) Namespace(name string) *NamespaceIndex {
	x.mu.RLock()
	n := x.namespaces[name]
	x.mu.RUnlock()
	if n != nil {
		return n
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if n = x.namespaces[name]; n == nil {
		n = newNamespaceIndex(x, name)
		x.namespaces[name] = n
	}
	return n
}

// Namespaces returns the names of the namespaces that have runs, in no order.
func (x *Index) Namespaces() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var names []string
	for name, n := range x.namespaces {
		if n.hasRuns() {
			names = append(names, name)
		}
	}
	return names
}

// HasRuns reports whether a namespace has runs.
func (x *Index) HasRuns(namespace string) bool {
	x.mu.RLock()
	n := x.namespaces[namespace]
	x.mu.RUnlock()
	return n != nil && n.hasRuns()
}

// CloseEmpty removes the indexes of namespaces without runs, subscribers and recent
// deletions, except those for which keep returns true. A NamespaceIndex that a caller
// still has remains usable.
func (x *Index) CloseEmpty(keep func(namespace string) bool, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for name, n := range x.namespaces {
		if !keep(name) && n.close(now) {
			delete(x.namespaces, name)
		}
	}
}

// Undecodables returns the objects of all namespaces that cannot be decoded.
func (x *Index) Undecodables() *Undecodables { return x.undecodables }

// Named returns the run of the object with this name, nil if there is none. The id of the
// run can belong to another object, see NamespaceIndex.ByUID.
func (x *Index) Named(namespace, name string) *taskrun.Run {
	x.mu.RLock()
	n := x.namespaces[namespace]
	x.mu.RUnlock()
	if n == nil {
		return nil
	}
	return n.named(name)
}

// EachName calls visit with the namespace and name of each object, in no order.
func (x *Index) EachName(visit func(namespace, name string)) {
	for _, n := range x.within("") {
		for _, name := range n.allNames() {
			visit(n.namespace, name)
		}
	}
}

// CompareVersions compares two resource versions of an object: the result is
// positive if version is newer than known, or if the two cannot be compared.
func CompareVersions(version, known string) int {
	order, err := resourceversion.CompareResourceVersion(version, known)
	if err != nil {
		return 1
	}
	return order
}
