package kube

import (
	"testing"

	toolscache "k8s.io/client-go/tools/cache"
)

func TestTransform_returnsOtherObjectsUnchanged(t *testing.T) {
	t.Parallel()
	gone := toolscache.DeletedFinalStateUnknown{Key: "default/x"}
	if got, err := NewIngest(nil, nil).Transform(gone); got != any(gone) || err != nil {
		t.Errorf("Transform() = %v, error %v", got, err)
	}
}
