package memory_test

import (
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
)

func TestFlows(t *testing.T) {
	t.Parallel()
	storetest.RunFlows(t, func(*testing.T) flowrun.Store { return memory.NewFlows() })
}
