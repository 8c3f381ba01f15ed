package rest

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// request is what a handler gets to see of one.
type request struct {
	ctx       context.Context //nolint:containedctx // lives as long as the request
	caller    authn.Caller    // no name: there is no authentication
	base      string          // what comes before the route in the path
	slashes   int             // at the end of the path that the route does not have
	parameter string          // in the path: an id in lower case with hyphens, or a name
	query     string          // as it came
	body      pyjson.Value    // null: there is none
	memory    *responseMemory // of the response
}
