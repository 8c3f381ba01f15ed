package index

import (
	"log/slog"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Undecodable is one version of an object that cannot be decoded.
type Undecodable struct {
	UID               types.UID
	ResourceVersion   string
	DeletionTimestamp *metav1.Time       // set: only finalizers keep the object
	ID                string             // of the run, the flow or the limit
	Key               taskrun.NaturalKey // of the run
	Name              string             // of the flow or the limit over REST
	Err               taskrun.UndecodableError

	list uint32 // as of an entry
}

// Undecodables are the objects, of all kinds and namespaces, that exist and cannot be
// decoded. No read returns them.
type Undecodables struct {
	mu      sync.RWMutex
	log     *slog.Logger // nil: none
	objects map[types.UID]*Undecodable
	names   map[undecodableName]*Undecodable // by the object's name
	ids     map[undecodableName]*Undecodable // by the id of the run, flow or limit
	keys    map[undecodableKey]*Undecodable
}

type undecodableName struct{ kind, namespace, name string }

type undecodableKey struct {
	namespace string
	key       taskrun.NaturalKey
}

func newUndecodables(log *slog.Logger) *Undecodables {
	return &Undecodables{
		log:     log,
		objects: map[types.UID]*Undecodable{}, names: map[undecodableName]*Undecodable{},
		ids: map[undecodableName]*Undecodable{}, keys: map[undecodableKey]*Undecodable{},
	}
}

func (u *Undecodable) name() undecodableName {
	return undecodableName{u.Err.Kind, u.Err.Namespace, u.Err.Name}
}

func (u *Undecodable) id() undecodableName {
	return undecodableName{u.Err.Kind, u.Err.Namespace, u.ID}
}

func (u *Undecodable) naturalKey() undecodableKey { return undecodableKey{u.Err.Namespace, u.Key} }

// Put records an object, unless a newer version of it is known. It logs each reason
// once.
func (s *Undecodables) Put(u *Undecodable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.objects[u.UID]
	if known != nil && CompareVersions(u.ResourceVersion, known.ResourceVersion) < 0 {
		known.list = max(known.list, u.list)
		return
	}
	if known != nil {
		s.delete(known)
	}
	s.objects[u.UID], s.names[u.name()], s.ids[u.id()] = u, u, u
	if u.Err.Kind == v1alpha1.KindTaskRun {
		s.keys[u.naturalKey()] = u
	}
	if known == nil || known.Err != u.Err {
		s.logObject((*slog.Logger).Warn, "skipping object that cannot be decoded", u,
			slog.String("field", u.Err.Field), slog.String("error", u.Err.Reason))
	}
}

// Supersedes reports whether an object cannot be decoded at this version or a newer
// one. The record of an older version is removed.
func (s *Undecodables) Supersedes(uid types.UID, version string) bool {
	s.mu.RLock()
	known := s.objects[uid]
	s.mu.RUnlock()
	if known == nil {
		return false
	}
	if CompareVersions(version, known.ResourceVersion) <= 0 {
		return true
	}
	if s.Drop(uid) != nil {
		s.logObject((*slog.Logger).Info, "object can be decoded again", known)
	}
	return false
}

// mark sets the number of the latest list that delivered an object.
func (s *Undecodables) mark(uid types.UID, list uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.objects[uid]; known != nil {
		known.list = max(known.list, list)
	}
}

// unlisted returns the TaskRuns of a namespace, or of all for "", that a list did not
// have.
func (s *Undecodables) unlisted(namespace string, list uint32) []*Undecodable {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var missing []*Undecodable
	for _, u := range s.objects {
		if u.Err.Kind == v1alpha1.KindTaskRun && (namespace == "" || u.Err.Namespace == namespace) && u.list != list {
			missing = append(missing, u)
		}
	}
	return missing
}

// Drop removes and returns the record of an object, nil if there is none.
func (s *Undecodables) Drop(uid types.UID) *Undecodable {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.objects[uid]
	if known != nil {
		s.delete(known)
	}
	return known
}

func (s *Undecodables) delete(u *Undecodable) {
	delete(s.objects, u.UID)
	removeFrom(s.names, u.name(), u)
	removeFrom(s.ids, u.id(), u)
	removeFrom(s.keys, u.naturalKey(), u)
}

func removeFrom[K comparable](from map[K]*Undecodable, key K, u *Undecodable) {
	if from[key] == u {
		delete(from, key)
	}
}

// named returns the object of a name, nil if there is none.
func (s *Undecodables) named(kind, namespace, name string) *Undecodable {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.names[undecodableName{kind, namespace, name}]
}

// Run returns the error of the run with this id, nil if its object can be decoded.
func (s *Undecodables) Run(namespace, id string) error {
	return s.WithID(v1alpha1.KindTaskRun, namespace, id)
}

// WithID returns the error of the object of a kind that has this id over REST, nil if it
// can be decoded.
func (s *Undecodables) WithID(kind, namespace, id string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if u := s.ids[undecodableName{kind, namespace, id}]; u != nil {
		return &u.Err
	}
	return nil
}

// RunByKey returns the error of the run with this natural key, nil if its object can
// be decoded.
func (s *Undecodables) RunByKey(namespace string, key taskrun.NaturalKey) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if u := s.keys[undecodableKey{namespace, key}]; u != nil {
		return &u.Err
	}
	return nil
}

// Limit returns the error of the limit with this id, or, if the id is empty, with this
// name. A nil result means that its object can be decoded.
func (s *Undecodables) Limit(namespace, id, name string) error {
	if id != "" {
		return s.WithID(v1alpha1.KindConcurrencyLimit, namespace, id)
	}
	return s.WithName(v1alpha1.KindConcurrencyLimit, namespace, name)
}

// WithName returns the error of the object of a kind that has this name over REST, nil if
// it can be decoded.
func (s *Undecodables) WithName(kind, namespace, name string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, u := range s.objects {
		if u.Err.Kind == kind && u.Err.Namespace == namespace && u.Name == name {
			return &u.Err
		}
	}
	return nil
}

// Counts returns the number of objects by kind. Every kind is in it.
func (s *Undecodables) Counts() map[string]int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	counts := map[string]int{}
	for _, kind := range v1alpha1.Kinds() {
		counts[kind] = 0
	}
	for _, u := range s.objects {
		counts[u.Err.Kind]++
	}
	return counts
}

// logKeys are the log keys of the names of objects, by kind.
var logKeys = map[string]string{
	v1alpha1.KindTaskRun: "taskRun", v1alpha1.KindConcurrencyLimit: "limit", v1alpha1.KindStateProposal: "stateProposal",
	v1alpha1.KindFlowRun: "flowRun", v1alpha1.KindRegisteredFlow: "flow", v1alpha1.KindRunData: "runData",
}

// logObject logs a message about an object.
func (s *Undecodables) logObject(log func(*slog.Logger, string, ...any), message string, u *Undecodable, more ...any) {
	if s.log == nil {
		return
	}
	log(s.log, message, append([]any{slog.String(logKeys[u.Err.Kind], u.Err.Namespace+"/"+u.Err.Name)}, more...)...)
}
