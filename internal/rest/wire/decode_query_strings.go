package wire

import (
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// DecodeStatesQuery reads the id of the run whose states are requested, which is the value of the key. The last of
// several values counts.
func DecodeStatesQuery(rawQuery, key string) (runID string, err error) {
	id, given := queryValue(rawQuery, key)
	if !given {
		return "", missingParameter(key)
	}
	var faults validate.Faults
	runID = faults.Node(pyjson.StringValue(id), "query", key).UUID()
	return runID, Invalid(&faults, nullValue)
}

// ReadQueryTime reads the time that is the value of the key, nil if the query does not have it. The last of several values
// counts.
func ReadQueryTime(rawQuery, key string) (at *time.Time, err error) {
	text, given := queryValue(rawQuery, key)
	if !given {
		return nil, nil //nolint:nilnil // see above
	}
	var faults validate.Faults
	t := faults.Node(pyjson.StringValue(text), "query", key).PlainTime()
	return &t, Invalid(&faults, nullValue)
}

// maxObservedPrefix is how many characters the query of observed states may have.
const maxObservedPrefix = 100

// DecodeObservedQuery reads the query of observed states. The last of several values counts.
func DecodeObservedQuery(rawQuery string) (q taskrun.ObservedQuery, err error) {
	const sortName, sortLastSeen = "NAME_ASC", "LAST_SEEN_DESC"
	var faults validate.Faults
	q.Limit = maxLimit
	parameter := func(key string) (n validate.Node, given bool) {
		text, given := queryValue(rawQuery, key)
		return faults.Node(pyjson.StringValue(text), "query", key), given
	}
	if n, given := parameter("query"); given {
		q.Prefix = strings.TrimSpace(n.TextUpTo(maxObservedPrefix))
	}
	if n, given := parameter("order_by"); given {
		q.ByName = validate.Enum(n, sortName, sortLastSeen) == sortName
	}
	if n, given := parameter("limit"); given {
		q.Limit = n.Within(1, maxLimit)
	}
	return q, Invalid(&faults, nullValue)
}

// DecodeTokenQuery reads the client that requests a CSRF token.
func DecodeTokenQuery(rawQuery string) (client string, err error) {
	const key = "client"
	client, given := queryValue(rawQuery, key)
	if !given {
		return "", missingParameter(key)
	}
	return client, nil
}

// missingParameter returns the error of a request without a required parameter of the query.
func missingParameter(key string) error {
	return &InvalidError{Items: []validate.Error{validate.Missing(nullValue, "query", key)}}
}
