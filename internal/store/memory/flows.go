package memory

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/flowindex"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Flows is a flowrun.Store in memory.
type Flows struct {
	mu      sync.RWMutex // before the lock of index
	index   *flowindex.Index
	inputs  map[string][]*flowrun.Input // by run id, oldest first
	version int64                       // counts writes
	broken  error                       // returned by every call, see Break
}

var _ flowrun.Store = (*Flows)(nil)

// NewFlows returns a store without flows.
func NewFlows() *Flows {
	// No two flows have one name, so it does not matter which of them would be first.
	return &Flows{index: flowindex.New(func(*flowrun.Flow) bool { return true }), inputs: map[string][]*flowrun.Input{}}
}

// Break makes every call return the error until Break(nil).
func (s *Flows) Break(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

func (s *Flows) newRef(id string) taskrun.ObjectRef {
	version := s.nextVersion()
	return taskrun.ObjectRef{UID: "object-" + version, ResourceVersion: version, Name: id, Generation: 1}
}

func (s *Flows) nextVersion() string {
	s.version++
	return strconv.FormatInt(s.version, 10)
}

// Flow returns the flow with this id.
func (s *Flows) Flow(_ context.Context, id string) (*flowrun.Flow, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return found(s, s.index.Flow(id))
}

// found returns an entry of the index, or ErrNotFound if there is none.
func found[T any](s *Flows, entry *T) (*T, error) {
	switch {
	case s.broken != nil:
		return nil, s.broken
	case entry == nil:
		return nil, taskrun.ErrNotFound
	default:
		return entry, nil
	}
}

// FlowNamed returns the flow with this name.
func (s *Flows) FlowNamed(_ context.Context, name string) (*flowrun.Flow, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return found(s, s.index.FlowNamed(name))
}

// CreateFlow stores a flow.
func (s *Flows) CreateFlow(_ context.Context, flow *flowrun.Flow) (*flowrun.Flow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	if existing := s.index.FlowNamed(flow.Name); existing != nil {
		return existing, taskrun.ErrExists
	}
	created := flowInUTC(flow)
	created.Ref = s.newRef(flow.ID)
	s.index.PutFlow(created)
	return created, nil
}

// UpdateFlow replaces the tags.
func (s *Flows) UpdateFlow(_ context.Context, flow *flowrun.Flow) (*flowrun.Flow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := found(s, s.index.Flow(flow.ID))
	switch {
	case err != nil:
		return nil, err
	case current.Ref != flow.Ref:
		return nil, taskrun.ErrConflict
	}
	next := *current
	next.Tags, next.Updated = flow.Tags, flow.Updated
	kept := flowInUTC(&next)
	kept.Ref.ResourceVersion = s.nextVersion()
	s.index.PutFlow(kept)
	return kept, nil
}

// DeleteFlow removes the flow.
func (s *Flows) DeleteFlow(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	flow, err := found(s, s.index.Flow(id))
	if err != nil {
		return err
	}
	s.index.RemoveFlow(flow.Ref.UID)
	return nil
}

// Get returns the run with this id.
func (s *Flows) Get(_ context.Context, id string) (*flowrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.get(id)
}

func (s *Flows) get(id string) (*flowrun.Run, error) { return found(s, s.index.Run(id)) }

// Load returns the run: every run has all its parts.
func (s *Flows) Load(_ context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return run, s.broken
}

// Reload is Get, because there is no cache, unless the run was created again.
func (s *Flows) Reload(ctx context.Context, stale *flowrun.Run) (*flowrun.Run, error) {
	run, err := s.Get(ctx, stale.ID)
	if err == nil && run.Ref.UID != stale.Ref.UID {
		return nil, taskrun.ErrNotFound
	}
	return run, err
}

// Create stores a new run.
func (s *Flows) Create(_ context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	if key, keyed := run.Key(); keyed {
		if existing := s.index.RunByKey(key); existing != nil {
			return existing, taskrun.ErrExists
		}
	}
	if existing := s.index.Run(run.ID); existing != nil {
		return existing, taskrun.ErrExists
	}
	created := flowRunInUTC(run)
	created.StatusStale, created.CreatedViaREST = true, true
	created.Ref = s.newRef(run.ID)
	s.index.PutRun(created)
	return created, nil
}

// Update stores what transitions and edits change.
func (s *Flows) Update(_ context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.get(run.ID)
	switch {
	case err != nil:
		return nil, err
	case current.Ref != run.Ref:
		return nil, taskrun.ErrConflict
	}
	next := *current
	next.Editable, next.Labels = run.Editable, run.Labels
	next.FlowRunProgress = run.FlowRunProgress
	next.History, next.HistoryDropped = run.History, run.HistoryDropped
	next.Answers, next.Decisions = run.Answers, run.Decisions
	next.EndRecorded, next.ExpirationTime, next.Updated = run.EndRecorded, run.ExpirationTime, run.Updated
	next.StatusStale = false
	kept := flowRunInUTC(&next)
	kept.Ref.ResourceVersion = s.nextVersion()
	s.index.PutRun(kept)
	return kept, nil
}

// Delete removes the run and its inputs.
func (s *Flows) Delete(_ context.Context, id string, ifUnchanged *taskrun.ObjectRef) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	run, err := s.get(id)
	switch {
	case err != nil:
		return err
	case ifUnchanged != nil && run.Ref != *ifUnchanged:
		return taskrun.ErrConflict
	}
	delete(s.inputs, id)
	s.index.RemoveRun(run.Ref.UID)
	return nil
}

// State returns the state with this id and its run.
func (s *Flows) State(_ context.Context, stateID string) (*orchestration.State, *flowrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, nil, s.broken
	}
	if state, run := s.index.State(stateID); state != nil {
		return state, run, nil
	}
	return nil, nil, taskrun.ErrNotFound
}

// Snapshot returns all flows and runs of one moment.
func (s *Flows) Snapshot(context.Context) (flowrun.Snapshot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, s.broken
	}
	return s.index.Snapshot(), nil
}

// Follow calls change at every change.
func (s *Flows) Follow(change func(before, after *flowrun.Run)) (now iter.Seq[*flowrun.Run], stop func()) {
	return s.index.Follow(change)
}

// Input returns an input.
func (s *Flows) Input(_ context.Context, runID, key string) (*flowrun.Input, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, s.broken
	}
	if at := s.findInput(runID, key); at >= 0 {
		return s.inputs[runID][at], nil
	}
	return nil, taskrun.ErrNotFound
}

// findInput returns the place of an input among those of its run, -1 if there is none.
func (s *Flows) findInput(runID, key string) int {
	return slices.IndexFunc(s.inputs[runID], func(in *flowrun.Input) bool { return in.Key == key })
}

// CreateInput stores an input.
func (s *Flows) CreateInput(_ context.Context, input *flowrun.Input) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.get(input.RunID); err != nil {
		return err
	}
	if s.findInput(input.RunID, input.Key) >= 0 {
		return taskrun.ErrExists
	}
	kept := *input
	kept.Created = utc(input.Created)
	s.inputs[input.RunID] = append(s.inputs[input.RunID], &kept)
	return nil
}

// ListInputs returns the inputs of a run.
func (s *Flows) ListInputs(_ context.Context, runID string) ([]*flowrun.Input, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, s.broken
	}
	return slices.Clone(s.inputs[runID]), nil
}

// DeleteInput removes an input.
func (s *Flows) DeleteInput(_ context.Context, runID, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.findInput(runID, key)
	switch {
	case s.broken != nil:
		return s.broken
	case at < 0:
		return taskrun.ErrNotFound
	}
	s.inputs[runID] = slices.Delete(slices.Clone(s.inputs[runID]), at, at+1)
	return nil
}
