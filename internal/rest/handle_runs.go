package rest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// create creates a run, or returns the run with the same keys (contract §1.4). A state with a result needs the
// permission that a later set_state would need.
func (s *namespaceHandler) create(r *request) (response, error) {
	in, err := wire.DecodeCreate(r.body)
	if err != nil {
		return response{}, err
	}
	if in.State != nil && in.State.HasResult() {
		if err := s.checkPermission(r.ctx, r.caller, VerbUpdate, ResourceTaskRunStates, s.namespace); err != nil {
			return response{}, err
		}
	}
	run, created, err := s.Runs.Create(r.ctx, in)
	if err != nil {
		return response{}, err
	}
	return response{status: statusOf(created), body: wire.AppendRun(make([]byte, 0, wire.RunSize), run, s.now())}, nil
}

// read responds with a run.
func (s *namespaceHandler) read(r *request) (response, error) {
	run, err := s.Runs.Get(r.ctx, r.parameter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: wire.AppendRun(make([]byte, 0, wire.RunSize), run, s.now())}, nil
}

// filter responds with the runs that match, sorted and paged.
func (s *namespaceHandler) filter(r *request) (response, error) {
	q, parents, err := wire.DecodeFilter(r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Lists.Join(r.ctx, &q.Filter, parents); err != nil {
		return response{}, err
	}
	page, err := s.Lists.Query(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return s.respondRuns(r, page.Runs)
}

// paginate responds with a page of the runs that match, and their number.
func (s *namespaceHandler) paginate(r *request) (response, error) {
	q, parents, number, err := wire.DecodePaginate(r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Lists.Join(r.ctx, &q.Filter, parents); err != nil {
		return response{}, err
	}
	page, err := s.Lists.Query(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	now := s.now()
	end := wire.AppendPageEnd(make([]byte, 0, wire.TextSize), page.Total, q.Limit, number)
	return respondList(r, wire.PageBegin, string(end), page.Runs, wire.RunSize, func(b []byte, run *taskrun.Run) []byte {
		return wire.AppendReducedRun(b, run, now)
	})
}

// count responds with the number of runs that match.
func (s *namespaceHandler) count(r *request) (response, error) {
	filter, parents, err := wire.DecodeCount(r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Lists.Join(r.ctx, &filter, parents); err != nil {
		return response{}, err
	}
	n, err := s.Lists.Count(r.ctx, filter)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: strconv.AppendInt(nil, int64(n), 10)}, nil
}

// history responds with the numbers of matching runs by expected start time.
func (s *namespaceHandler) history(r *request) (response, error) {
	q, parents, err := wire.DecodeHistory(r.body)
	if err != nil {
		return response{}, err
	}
	if err := s.Lists.Join(r.ctx, &q.Filter, parents); err != nil {
		return response{}, err
	}
	bins, err := s.Lists.History(r.ctx, q)
	if err != nil {
		return response{}, err
	}
	return respondList(r, "[", "]", bins, wire.TextSize, wire.AppendHistoryBin)
}

// setState proposes a state and responds with the verdict. The status is 201 if a state was written (contract §0.11).
func (s *namespaceHandler) setState(r *request) (response, error) {
	proposal, err := wire.DecodeSetState(r.body)
	if err != nil {
		return response{}, err
	}
	outcome, err := s.Runs.SetState(r.ctx, r.parameter, proposal)
	if err != nil {
		return response{}, err
	}
	return response{status: statusOf(outcome.Written), body: wire.AppendResult(make([]byte, 0, wire.RunSize), &outcome)}, nil
}

// rename changes the name of a run. Without a name in the body only the time of the last write changes (contract §1.4).
func (s *namespaceHandler) rename(r *request) (response, error) {
	name, err := wire.DecodeUpdate(r.body)
	if err != nil {
		return response{}, err
	}
	if name == nil {
		run, err := s.Runs.Get(r.ctx, r.parameter)
		if err != nil {
			return response{}, err
		}
		name = &run.Name
	}
	return noContent(s.Runs.Rename(r.ctx, r.parameter, *name))
}

// remove deletes a run with its states.
func (s *namespaceHandler) remove(r *request) (response, error) {
	return noContent(s.Runs.Delete(r.ctx, r.parameter))
}

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
