package memory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Flows is a flowrun.Store in memory.
type Flows struct {
	mu      sync.RWMutex
	flows   map[string]*flowrun.Flow    // by id; never changed once they are in here
	names   map[string]string           // ids of flows by name
	runs    map[string]*flowrun.Run     // by id; never changed once they are in here
	keys    map[flowrun.Key]string      // ids of runs
	inputs  map[string][]*flowrun.Input // by run id, oldest first
	follow  map[int]func(before, after *flowrun.Run)
	follows int
	version int64 // counts writes
	broken  error // returned by every call, see Break
}

var _ flowrun.Store = (*Flows)(nil)

// NewFlows returns a store without flows.
func NewFlows() *Flows {
	return &Flows{
		flows: map[string]*flowrun.Flow{}, names: map[string]string{},
		runs: map[string]*flowrun.Run{}, keys: map[flowrun.Key]string{}, inputs: map[string][]*flowrun.Input{},
		follow: map[int]func(before, after *flowrun.Run){},
	}
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
	return s.flow(id)
}

func (s *Flows) flow(id string) (*flowrun.Flow, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	if flow, ok := s.flows[id]; ok {
		return flow, nil
	}
	return nil, taskrun.ErrNotFound
}

// FlowNamed returns the flow with this name.
func (s *Flows) FlowNamed(_ context.Context, name string) (*flowrun.Flow, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.flow(s.names[name])
}

// CreateFlow stores a flow.
func (s *Flows) CreateFlow(_ context.Context, flow *flowrun.Flow) (*flowrun.Flow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	if id, taken := s.names[flow.Name]; taken {
		return s.flows[id], taskrun.ErrExists
	}
	created := flowInUTC(flow)
	created.Ref = s.newRef(flow.ID)
	s.flows[flow.ID], s.names[flow.Name] = created, flow.ID
	return created, nil
}

// UpdateFlow replaces the tags.
func (s *Flows) UpdateFlow(_ context.Context, flow *flowrun.Flow) (*flowrun.Flow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.flow(flow.ID)
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
	s.flows[flow.ID] = kept
	return kept, nil
}

// DeleteFlow removes the flow.
func (s *Flows) DeleteFlow(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	flow, err := s.flow(id)
	if err != nil {
		return err
	}
	delete(s.flows, id)
	delete(s.names, flow.Name)
	return nil
}

// Get returns the run with this id.
func (s *Flows) Get(_ context.Context, id string) (*flowrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.get(id)
}

func (s *Flows) get(id string) (*flowrun.Run, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	if run, ok := s.runs[id]; ok {
		return run, nil
	}
	return nil, taskrun.ErrNotFound
}

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
	key, keyed := run.Key()
	if id, taken := s.keys[key]; keyed && taken {
		return s.runs[id], taskrun.ErrExists
	}
	if existing, taken := s.runs[run.ID]; taken {
		return existing, taskrun.ErrExists
	}
	created := flowRunInUTC(run)
	created.StatusStale, created.CreatedViaREST = true, true
	created.Ref = s.newRef(run.ID)
	s.runs[run.ID] = created
	if keyed {
		s.keys[key] = run.ID
	}
	s.notify(nil, created)
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
	s.runs[run.ID] = kept
	s.notify(current, kept)
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
	delete(s.runs, id)
	delete(s.inputs, id)
	if key, keyed := run.Key(); keyed {
		delete(s.keys, key)
	}
	s.notify(run, nil)
	return nil
}

// State returns the state with this id and its run.
func (s *Flows) State(_ context.Context, stateID string) (*orchestration.State, *flowrun.Run, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, nil, s.broken
	}
	for _, run := range s.runs {
		if state := run.StateByID(stateID); state != nil {
			return state, run, nil
		}
	}
	return nil, nil, taskrun.ErrNotFound
}

// Snapshot copies all flows and runs.
func (s *Flows) Snapshot(context.Context) (flowrun.Snapshot, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.broken != nil {
		return nil, s.broken
	}
	return flowsSnapshot{flows: maps.Clone(s.flows), runs: maps.Clone(s.runs)}, nil
}

// Follow calls change at every change.
func (s *Flows) Follow(change func(before, after *flowrun.Run)) (now iter.Seq[*flowrun.Run], stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.follows
	s.follows++
	s.follow[n] = change
	return maps.Values(maps.Clone(s.runs)), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.follow, n)
	}
}

func (s *Flows) notify(before, after *flowrun.Run) {
	for _, change := range s.follow {
		change(before, after)
	}
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
