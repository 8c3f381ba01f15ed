package concurrency

import (
	"context"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// listed is a store with these limits.
type listed struct {
	Store
	limits []*Limit
}

func (l listed) List(context.Context) ([]*Limit, error) { return l.limits, nil }

// A user who may create limits can name an object after the UID of another limit, which
// is its id, but not take the UID.
func TestLocate_prefersLimitWhoseUIDIsTheID(t *testing.T) {
	t.Parallel()
	const id = "0198a1b2-0000-7000-8000-00000000000a"
	genuine := &Limit{ID: id, Name: "z", Created: time.Unix(100, 0), Revision: taskrun.ObjectRef{UID: id, Name: "z"}}
	planted := &Limit{ID: id, Name: "a", Revision: taskrun.ObjectRef{UID: "another", Name: id}}
	for _, limits := range [][]*Limit{{genuine, planted}, {planted, genuine}} {
		s := New(Options{Store: listed{limits: limits}})
		if got, err := s.locate(t.Context(), Key{ID: id}); err != nil || got != genuine {
			t.Errorf("limit = %+v, %v, want %s", got, err, genuine.Name)
		}
		if got, err := s.locate(t.Context(), Key{Name: "a"}); err != nil || got != planted {
			t.Errorf("limit of the name = %+v, %v, want %s", got, err, planted.Name)
		}
	}
}
