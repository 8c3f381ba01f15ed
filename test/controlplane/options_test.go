package controlplane

import (
	"slices"
	"testing"
)

func TestOnlyTheAPIServerIsToldHowToCollectGarbage(t *testing.T) {
	t.Parallel()
	asked := Options{APIServerGOGC: 400}
	if got := asked.env(apiServerProgram); !slices.Equal(got, []string{"GOGC=400"}) {
		t.Errorf("kube-apiserver is told %q", got)
	}
	if got := slices.Concat(asked.env("etcd"), Options{}.env(apiServerProgram)); len(got) != 0 {
		t.Errorf("told without being asked for: %q", got)
	}
}
