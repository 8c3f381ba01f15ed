package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// readState answers with one state, current or past.
func (s *space) readState(r *request) (response, error) {
	state, run, err := s.Runs.State(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: appendState(make([]byte, 0, roomForRun), run, state)}, nil
}

// listStates answers with all states of a run, oldest first; an unknown run has
// none. It reads the run, not only its states, because each state tells the
// flow run too.
func (s *space) listStates(r *request) (response, error) {
	id, faults := decodeStatesQuery(r.query)
	if len(faults) > 0 {
		return response{}, &invalidError{items: faults, body: nullValue}
	}
	run, err := s.Runs.Get(r.ctx, id)
	switch {
	case errors.Is(err, taskrun.ErrNotFound):
		run = &taskrun.Run{}
	case err != nil:
		return response{}, err
	}
	return respondList(r, "[", "]", run.States(), roomForState, func(b []byte, state orchestration.State) []byte {
		return appendState(b, run, &state)
	})
}

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
