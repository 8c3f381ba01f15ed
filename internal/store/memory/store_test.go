package memory_test

import (
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) taskrun.Store { return memory.New() })
}

func TestStore_withTwoUsers(t *testing.T) {
	t.Parallel()
	storetest.RunTwo(t, func(*testing.T) (a, b taskrun.Store) {
		s := memory.New()
		return s, s
	})
}
