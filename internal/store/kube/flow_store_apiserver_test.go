//go:build apiserver

package kube_test

import (
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestFlowStore(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	cluster := openReplica(t, env.Config)
	storetest.RunFlows(t, func(t *testing.T) flowrun.Store {
		t.Helper()
		return cluster.Flows(env.Namespace(t))
	})
}
