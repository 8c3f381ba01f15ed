package controlplane

import (
	"slices"
	"testing"
)

func TestEnv_onlyTheAPIServerGetsGOGC(t *testing.T) {
	t.Parallel()
	asked := Options{APIServerGOGC: 400}
	if got := asked.env(apiServerProgram); !slices.Equal(got, []string{"GOGC=400"}) {
		t.Errorf("kube-apiserver is told %q", got)
	}
	if got := slices.Concat(asked.env("etcd"), Options{}.env(apiServerProgram)); len(got) != 0 {
		t.Errorf("told without being asked for: %q", got)
	}
}

func TestAPIServerArgs_haveTheFeatureGates(t *testing.T) {
	t.Parallel()
	asked := Options{APIServerFeatureGates: "CBORServingAndStorage=true"}
	if got := asked.apiServerArgs(); !slices.Equal(got, []string{"--feature-gates=CBORServingAndStorage=true"}) {
		t.Errorf("kube-apiserver is started with %q", got)
	}
	if got := (Options{}).apiServerArgs(); len(got) != 0 {
		t.Errorf("started with %q without being asked", got)
	}
}
