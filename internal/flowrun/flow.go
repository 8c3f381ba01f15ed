// Package flowrun is the model of flows and flow runs: what they are, the filters and
// queries for them, the limits on stored texts, and the Store that keeps them. Package
// usecase/flows has the operations on them.
package flowrun

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// flowSpace is the namespace of the ids of flows. It must not change, because the ids of
// flows would change.
var flowSpace = uuid.MustParse("5b0f9c1e-7d6a-5c3b-9e41-2f8a60d7c915")

// FlowID returns the id of the flow with a name, unless its object has another one.
func FlowID(namespace, name string) string {
	return uuid.NewSHA1(flowSpace, []byte(strconv.Itoa(len(namespace))+":"+namespace+name)).String()
}

// Flow is a registered flow (flows contract §3.1). Its name is unique in a namespace.
//
// Flows and runs are values shared between readers: a caller that got one from a Store
// must not change what its pointers, slices and maps refer to.
type Flow struct {
	ID      string    // UUID, lower case with hyphens
	Created time.Time // microseconds count
	Updated time.Time // time of the last write
	Name    string
	Tags    []string
	Labels  map[string]json.RawMessage // each value one JSON scalar, as it was sent; nil is null

	Ref taskrun.ObjectRef // the object, and the version of it, that was read
}
