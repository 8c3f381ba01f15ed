package index

import (
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// WatchScope adds what one list and watch deliver: the objects of a namespace, or of all.
// The index is complete at a version of the scope: an object that the index does not
// have, and that a call returned at this version or an earlier one, was deleted. One
// goroutine at a time may use a WatchScope, except for Complete.
type WatchScope struct {
	index     *Index
	namespace string // empty: all
	list      uint32 // number of the latest list, from 1
	version   atomic.Pointer[string]
	complete  atomic.Bool
}

// ownCall is the list number of an object that only own calls returned.
const ownCall = 0

// NewWatchScope returns the WatchScope of a namespace, or of all for "". Scopes must not
// overlap, and all must be created before the first object is added.
func (x *Index) NewWatchScope(namespace string) *WatchScope {
	s := &WatchScope{index: x, namespace: namespace, list: ownCall + 1}
	x.scopes = append(x.scopes, s)
	return s
}

// Namespace returns the namespace, "" for all.
func (s *WatchScope) Namespace() string { return s.namespace }

// BeginList begins a list. EndList removes the objects that only earlier lists and their
// watches delivered.
func (s *WatchScope) BeginList() { s.list++ }

// Has reports whether the index has this version of an object that the list or the watch
// delivered. Then Put is not necessary.
func (s *WatchScope) Has(object *metav1.ObjectMeta) bool {
	n := s.index.Namespace(object.Namespace).lockCurrent()
	defer n.mu.Unlock()
	e := n.entries[object.UID]
	if e == nil || e.run.Ref.ResourceVersion != object.ResourceVersion {
		return false
	}
	e.list = s.list
	return true
}

// Put adds the run of an object that the list or the watch delivered.
func (s *WatchScope) Put(object *metav1.ObjectMeta, run *taskrun.Run) {
	s.index.Namespace(object.Namespace).put(object, run, s.list)
}

// PutUndecodable adds an object that the list or the watch delivered and that cannot be
// decoded.
func (s *WatchScope) PutUndecodable(u *Undecodable) {
	u.list = s.list
	s.index.Namespace(u.Err.Namespace).putUndecodable(u)
}

// Remove removes an object that the watch reports as deleted.
func (s *WatchScope) Remove(namespace string, uid types.UID) {
	s.index.Namespace(namespace).Remove(uid)
}

// EndList ends a list of all objects at one version. It removes the objects that the list
// did not have, whatever their version is. An object that only own calls returned stays
// if its version is later than the list.
func (s *WatchScope) EndList(version string) {
	s.SetVersion(version) // first: from now on, responses that are late add nothing
	for _, n := range s.index.within(s.namespace) {
		n.removeUnlisted(s.list, version)
	}
	for _, u := range s.index.undecodables.unlisted(s.namespace, s.list) {
		s.Remove(u.Err.Namespace, u.UID)
	}
	s.complete.Store(true)
}

// SetVersion sets the version at which the index is complete.
func (s *WatchScope) SetVersion(version string) { s.version.Store(&version) }

// Complete reports whether a list has ended.
func (s *WatchScope) Complete() bool { return s.complete.Load() }

// covers reports whether the index has all objects of a namespace that existed at a
// version.
func (x *Index) covers(namespace, version string) bool {
	for _, s := range x.scopes {
		if s.namespace == "" || s.namespace == namespace {
			complete := s.version.Load()
			return complete != nil && CompareVersions(version, *complete) <= 0
		}
	}
	return false
}

// within returns the indexes of one namespace, or of all for "".
func (x *Index) within(namespace string) []*NamespaceIndex {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var all []*NamespaceIndex
	for name, n := range x.namespaces {
		if namespace == "" || namespace == name {
			all = append(all, n)
		}
	}
	return all
}

// removeUnlisted removes the objects that a list of one version did not have.
func (n *NamespaceIndex) removeUnlisted(list uint32, version string) {
	n = n.lockCurrent()
	defer n.mu.Unlock()
	for uid, e := range n.entries {
		if e.list == list || (e.list == ownCall && CompareVersions(e.run.Ref.ResourceVersion, version) > 0) {
			continue
		}
		n.drop(uid)
	}
}
