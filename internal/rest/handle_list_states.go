package rest

import (
	"errors"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

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
