package controller

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// resolveInputs records the ids of the TaskRuns that the inputs of a run name. It
// writes after StatusWriteDelay of the run and of the TaskRun that was found first, so
// that runs that are created together cost one write, which is also the first of
// the status. After that write an Event has the names that were not found. A TaskRun
// that is created later requeues the run.
func (r *Reconciler) resolveInputs(ctx context.Context, s *scope) (Result, error) {
	names := s.run.Named.Unresolved()
	r.references.set(client.ObjectKeyFromObject(s.object), names)
	if len(names) == 0 {
		return Result{}, nil
	}
	l, err := r.lookUp(ctx, s, names)
	if err != nil || (len(l.found) == 0 && !s.run.StatusStale) {
		return Result{}, err
	}
	if wait := r.statusDelayOf(s.run, l); wait > 0 {
		return requeueAfter(wait), nil
	}
	first := s.run.StatusStale
	run, err := s.runs.ResolveInputs(ctx, s.run.ID, l.found)
	if err != nil {
		return Result{}, err
	}
	s.run = run
	if first && len(l.missing) > 0 {
		recorder{r.Events}.inputNotFound(s.object, l.missing)
	}
	return Result{}, nil
}

// lookup is the result of lookUp.
type lookup struct {
	found   map[string]string // ids by names
	missing []string          // names without a run
	oldest  time.Time         // creation time of the oldest run that was found
}

// statusDelayOf returns the rest of StatusWriteDelay of the run, or of the oldest run
// that was found.
func (r *Reconciler) statusDelayOf(run *taskrun.Run, l *lookup) time.Duration {
	now := r.Clock.Now()
	wait := r.statusDelay(now.Sub(run.Created))
	if len(l.found) > 0 {
		wait = max(wait, r.statusDelay(now.Sub(l.oldest)))
	}
	return wait
}

// lookUp finds the runs of the names of TaskRuns in the namespace.
func (r *Reconciler) lookUp(ctx context.Context, s *scope, names []string) (*lookup, error) {
	l := &lookup{found: map[string]string{}}
	for _, name := range names {
		run, err := r.named(ctx, s, name)
		switch {
		case err != nil:
			return l, err
		case run == nil:
			l.missing = append(l.missing, name)
			continue
		case len(l.found) == 0 || run.Created.Before(l.oldest):
			l.oldest = run.Created
		}
		l.found[name] = run.ID
	}
	return l, nil
}

// named returns the run of the TaskRun with this name; nil if there is none, or if
// it is the run itself, which cannot be its own input. The id of a duplicate belongs
// to another run than the one that is named, so a duplicate counts as none until it
// is the run. Each change of the object requeues the run.
func (r *Reconciler) named(ctx context.Context, s *scope, name string) (*taskrun.Run, error) {
	if name == s.object.Name {
		return nil, nil //nolint:nilnil // see the comment of the function
	}
	object := &v1alpha1.TaskRun{}
	err := r.Objects.Get(ctx, types.NamespacedName{Namespace: s.object.Namespace, Name: name}, object)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	run, err := s.runs.Get(ctx, object.UUID())
	var undecodable *taskrun.UndecodableError
	switch {
	case errors.Is(err, taskrun.ErrNotFound), errors.As(err, &undecodable):
		return nil, nil //nolint:nilnil // see the comment of the function
	case err != nil || run.Ref.UID != string(object.UID):
		return nil, err
	default:
		return run, nil
	}
}
