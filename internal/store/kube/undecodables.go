package kube

import (
	"log/slog"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// undecodables are the objects, of all Kinds and namespaces, that exist and
// cannot be decoded. They are in no index: no read returns them.
type undecodables struct {
	mu      sync.RWMutex
	log     *slog.Logger // nil: none
	objects map[types.UID]*undecodable
	names   map[undecodableName]*undecodable // by the object's name
	ids     map[undecodableName]*undecodable // by the id of the run or limit
	keys    map[undecodableKey]*undecodable
}

type undecodableName struct{ kind, namespace, name string }

type undecodableKey struct {
	namespace string
	key       taskrun.NaturalKey
}

func newUndecodables() *undecodables {
	return &undecodables{
		objects: map[types.UID]*undecodable{}, names: map[undecodableName]*undecodable{},
		ids: map[undecodableName]*undecodable{}, keys: map[undecodableKey]*undecodable{},
	}
}

func (u *undecodable) name() undecodableName {
	return undecodableName{u.Err.Kind, u.Err.Namespace, u.Err.Name}
}

func (u *undecodable) id() undecodableName {
	return undecodableName{u.Err.Kind, u.Err.Namespace, u.ID}
}

func (u *undecodable) naturalKey() undecodableKey { return undecodableKey{u.Err.Namespace, u.Key} }

// put records an object, unless a newer version of it is known. It is logged once
// for each reason.
func (s *undecodables) put(u *undecodable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.objects[u.UID]
	if known != nil && compareVersions(u.Version, known.Version) < 0 {
		return
	}
	if known != nil {
		s.forget(known)
	}
	s.objects[u.UID], s.names[u.name()], s.ids[u.id()] = u, u, u
	if u.Err.Kind == kindTaskRun {
		s.keys[u.naturalKey()] = u
	}
	if known == nil || known.Err != u.Err {
		s.tell((*slog.Logger).Warn, "skipping object that cannot be decoded", u,
			slog.String("field", u.Err.Field), slog.String("error", u.Err.Reason))
	}
}

// outdates reports whether an object cannot be decoded at this version or a newer
// one. If it cannot at an older one only, that is over.
func (s *undecodables) outdates(uid types.UID, version string) bool {
	s.mu.RLock()
	known := s.objects[uid]
	s.mu.RUnlock()
	if known == nil {
		return false
	}
	if compareVersions(version, known.Version) <= 0 {
		return true
	}
	if s.drop(uid) != nil {
		s.tell((*slog.Logger).Info, "object can be decoded again", known)
	}
	return false
}

// drop forgets an object, and returns what was known of it, nil for nothing.
func (s *undecodables) drop(uid types.UID) *undecodable {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.objects[uid]
	if known != nil {
		s.forget(known)
	}
	return known
}

func (s *undecodables) forget(u *undecodable) {
	delete(s.objects, u.UID)
	remove(s.names, u.name(), u)
	remove(s.ids, u.id(), u)
	remove(s.keys, u.naturalKey(), u)
}

func remove[K comparable](from map[K]*undecodable, key K, u *undecodable) {
	if from[key] == u {
		delete(from, key)
	}
}

// named returns the object of a name, nil for none.
func (s *undecodables) named(kind, namespace, name string) *undecodable {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.names[undecodableName{kind, namespace, name}]
}

// run returns the error of the run with this id, nil if it is not one of these.
func (s *undecodables) run(namespace, id string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if u := s.ids[undecodableName{kindTaskRun, namespace, id}]; u != nil {
		return &u.Err
	}
	return nil
}

// runOfKey is run by the natural key.
func (s *undecodables) runOfKey(namespace string, key taskrun.NaturalKey) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if u := s.keys[undecodableKey{namespace, key}]; u != nil {
		return &u.Err
	}
	return nil
}

// limit returns the error of the limit that a key names, nil if it is not one of
// these.
func (s *undecodables) limit(namespace string, key concurrency.Key) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, u := range s.objects {
		if u.Err.Kind == kindConcurrencyLimit && u.Err.Namespace == namespace &&
			((key.ID != "" && u.ID == key.ID) || (key.ID == "" && u.Limit == key.Name)) {
			return &u.Err
		}
	}
	return nil
}

// counts returns how many objects there are, by kind.
func (s *undecodables) counts() map[string]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	counts := map[string]int{}
	for _, kind := range Kinds() {
		counts[kind] = 0
	}
	for _, u := range s.objects {
		counts[u.Err.Kind]++
	}
	return counts
}

// logKeys are the keys of the names of objects in the log, by kind.
var logKeys = map[string]string{kindTaskRun: "taskRun", kindConcurrencyLimit: "limit", kindStateProposal: "stateProposal"}

// tell logs about an object.
func (s *undecodables) tell(log func(*slog.Logger, string, ...any), message string, u *undecodable, more ...any) {
	if s.log == nil {
		return
	}
	log(s.log, message, append([]any{slog.String(logKeys[u.Err.Kind], u.Err.Namespace+"/"+u.Err.Name)}, more...)...)
}

// Undecodable returns how many objects this replica skips because they cannot be
// decoded, by kind.
func (c *Cluster) Undecodable() map[string]int { return c.view.undecodable.counts() }
