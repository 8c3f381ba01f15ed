// Package retention reads how long finished runs without a TTL of their own are
// kept: the flag --finished-ttl, or the annotation taskrun.dev/finished-ttl of a
// namespace, which overrides it.
package retention

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// Rules holds the rule of each namespace. It implements usecase.Retention and is safe
// for concurrent use. A Watcher updates it.
type Rules struct {
	// standard is the TTL of namespaces without an annotation; nil keeps runs.
	standard  *time.Duration
	log       *slog.Logger
	onInvalid func(Invalid)

	mu sync.RWMutex
	// rules of the namespaces that were read.
	rules map[string]rule
	// unreadable has the namespaces whose annotations the operator is not
	// permitted to read, "" for all. They have the standard rule.
	unreadable map[string]bool
	changed    []func(namespace string)
}

// rule is the rule of a namespace.
type rule struct {
	ttl     *time.Duration // nil keeps runs
	problem string         // why the annotation is not valid, with its value; empty: valid
}

// Invalid is an annotation that is not a valid TTL.
type Invalid struct {
	Namespace string
	UID       types.UID // of the Namespace
	Problem   string    // includes the value
}

// newRules returns rules without namespaces. A standard TTL of 0 keeps runs.
func newRules(standard time.Duration, log *slog.Logger, onInvalid func(Invalid)) *Rules {
	return &Rules{
		standard: orKeep(standard), log: log, onInvalid: onInvalid, rules: map[string]rule{}, unreadable: map[string]bool{},
	}
}

// orKeep returns nil, which keeps runs, for 0.
func orKeep(ttl time.Duration) *time.Duration {
	if ttl == 0 {
		return nil
	}
	return &ttl
}

// FinishedTTL returns the TTL of finished runs of the namespace that have none of
// their own; nil keeps them. It returns known false until the namespace was read.
func (r *Rules) FinishedTTL(namespace string) (ttl *time.Duration, known bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.of(namespace)
}

func (r *Rules) of(namespace string) (ttl *time.Duration, known bool) {
	if rule, read := r.rules[namespace]; read {
		return rule.ttl, true
	}
	if r.unreadable[namespace] || r.unreadable[""] {
		return r.standard, true
	}
	return nil, false
}

// OnChange registers a function that is called with each namespace whose rule
// changes. It is not called when a rule becomes known.
func (r *Rules) OnChange(changed func(namespace string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = append(r.changed, changed)
}

// read records the annotations of a namespace.
func (r *Rules) read(namespace string, uid types.UID, annotations map[string]string) {
	value, annotated := annotations[v1alpha1.AnnotationFinishedTTL]
	next := rule{ttl: r.standard}
	if annotated {
		next = parse(value)
	}
	if before := r.set(namespace, next); next.problem != "" && next.problem != before.problem {
		r.log.Warn("invalid annotation, finished runs are kept",
			"namespace", namespace, "annotation", v1alpha1.AnnotationFinishedTTL, "error", next.problem)
		r.onInvalid(Invalid{Namespace: namespace, UID: uid, Problem: next.problem})
	}
}

// set stores the rule of a namespace, and returns the earlier rule. The earlier rule of
// a new namespace has no problem.
func (r *Rules) set(namespace string, next rule) (before rule) {
	r.mu.Lock()
	was, known := r.of(namespace)
	before = r.rules[namespace]
	r.rules[namespace] = next
	changed := r.changed
	r.mu.Unlock()
	if known && !sameTTL(was, next.ttl) {
		for _, tell := range changed {
			tell(namespace)
		}
	}
	return before
}

// remove removes a deleted namespace.
func (r *Rules) remove(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rules, namespace)
}

// namespaces returns the namespaces that were read.
func (r *Rules) namespaces() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.rules))
	for name := range r.rules {
		names = append(names, name)
	}
	return names
}

// forbid records that reads of a namespace are forbidden, "" for all. A namespace that
// was read before keeps its rule.
func (r *Rules) forbid(namespace string, err error) {
	r.mu.Lock()
	told := r.unreadable[namespace]
	r.unreadable[namespace] = true
	r.mu.Unlock()
	if told {
		return
	}
	r.log.Warn("not permitted to read namespaces, their annotation is ignored and only --finished-ttl applies",
		"namespace", namespace, "annotation", v1alpha1.AnnotationFinishedTTL, "error", err)
}

// parse returns the rule of an annotation. One that is not valid keeps runs.
func parse(value string) rule {
	ttl, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return rule{problem: fmt.Sprintf("%q is not a duration such as 36h, 90m or 0", value)}
	case ttl < 0:
		return rule{problem: fmt.Sprintf("%q is negative; 0 keeps finished runs", value)}
	default:
		return rule{ttl: orKeep(ttl)}
	}
}

func sameTTL(a, b *time.Duration) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}
