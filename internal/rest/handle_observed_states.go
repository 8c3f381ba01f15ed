package rest

import (
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxObservedPrefix is how many characters the query of observed states may have.
const maxObservedPrefix = 100

// decodeObservedQuery reads which states are asked for. The last of several
// values wins.
func decodeObservedQuery(rawQuery string) (q taskrun.ObservedQuery, errs []validate.Error) {
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
	return q, faults.Errors()
}

// observedStates answers with the states that runs are in and were in.
func (s *space) observedStates(r *request) (response, error) {
	q, faults := decodeObservedQuery(r.query)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: nullValue}
	}
	states, err := s.Runs.ObservedStates(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", states, roomForText, appendObservedState)
}

func appendObservedState(b []byte, state taskrun.ObservedState) []byte {
	b = append(b, `{"state_type":`...)
	b = pyjson.AppendText(b, string(state.Type))
	b = append(b, `,"state_name":`...)
	b = pyjson.AppendText(b, state.Name)
	b = append(b, `,"first_seen":`...)
	b = appendTime(b, state.FirstSeen)
	b = append(b, `,"last_seen":`...)
	b = appendTime(b, state.LastSeen)
	return append(b, '}')
}
