package rest

import (
	"errors"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// readState responds with a state, current or past.
func (s *namespaceHandler) readState(r *request) (response, error) {
	state, run, err := s.Runs.State(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendState(make([]byte, 0, wire.RunSize), run, state)}, nil
}

// listStates responds with all states of a run, oldest first. An unknown run has none. It reads the run, because each
// state has its flow run.
func (s *namespaceHandler) listStates(r *request) (response, error) {
	id, err := wire.DecodeStatesQuery(r.query, "task_run_id")
	if err != nil {
		return response{}, err
	}
	run, err := s.Runs.Get(r.ctx, id)
	switch {
	case errors.Is(err, taskrun.ErrNotFound):
		run = &taskrun.Run{}
	case err != nil:
		return response{}, err
	}
	return respondList(r, "[", "]", run.States(), wire.StateSize, func(b []byte, state orchestration.State) []byte {
		return wire.AppendState(b, run, &state)
	})
}

// observedStates responds with the states that runs are in and were in.
func (s *namespaceHandler) observedStates(r *request) (response, error) {
	q, err := wire.DecodeObservedQuery(r.query)
	if err != nil {
		return response{}, err
	}
	states, err := s.Lists.ObservedStates(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", states, wire.TextSize, wire.AppendObservedState)
}
