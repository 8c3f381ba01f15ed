package usecase

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Two callers wait for the lock that a third one holds. A fourth caller requests it
// after the third has released it.
func TestKeyLocks_haveOneHolderAndAreRemovedAfterLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewKeyLocks()
		key := taskrun.NaturalKey{TaskKey: "k"}
		holders := 0
		hold := func(proceed <-chan struct{}) {
			unlock, err := l.lock(t.Context(), "default", key)
			if err != nil {
				t.Error(err)
				return
			}
			if holders++; holders > 1 {
				t.Errorf("%d hold the lock", holders)
			}
			<-proceed
			holders--
			unlock()
		}
		proceed := make(chan struct{})
		for range 3 {
			go hold(proceed)
		}
		synctest.Wait()
		proceed <- struct{}{}
		synctest.Wait()
		go hold(proceed)
		synctest.Wait()
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := l.lock(ended, "default", key); err == nil {
			t.Error("the lock was given to a caller whose context has ended")
		}
		if len(l.locks) != 1 || holders != 1 {
			t.Errorf("%d locks are kept and %d are held, want 1", len(l.locks), holders)
		}
		close(proceed)
		synctest.Wait()
		if len(l.locks) != 0 || holders != 0 {
			t.Errorf("%d locks are kept and %d are held in the end", len(l.locks), holders)
		}
	})
}
