package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// digestBytes is how much of the hash is kept.
const digestBytes = 16

// digest identifies a proposal: equal ones have equal digests, on all replicas
// and in all versions.
func digest(t *v1alpha1.Transition) string {
	// Members come in the order of declaration and keys sorted, times in UTC.
	text, err := json.Marshal(t)
	if err != nil {
		text = []byte(err.Error()) // cannot happen: nothing in it refuses to be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:digestBytes])
}
