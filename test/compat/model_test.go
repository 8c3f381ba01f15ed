package compat

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// world is a second, minimal implementation of the contract: the data that a server must hold after a series of
// requests. It shares no code with the product, so the two can be compared. Ids and times of states that only the
// server knows are copied from its responses; all other values follow from the requests.
type world struct {
	runs []*modelRun
}

type modelRun struct {
	id, name, taskKey, dynamicKey string
	flowRunID                     any // text or nil
	tags                          []any
	retries                       *int

	states   []*modelState // the last one is the current one
	runCount int
	expected any // times are texts or nil
	next     any
	start    any
	end      any
	total    time.Duration
}

type modelState struct {
	id, kind, name, timestamp string
	scheduled                 any // text or nil
	data, message             any
	details                   map[string]any // only those that the tests use
	cacheEntry                bool
}

// proposal is a state that a client proposes.
type proposal struct {
	kind, name string // empty: no name
	scheduled  any
	data       any
	details    map[string]any // deferred, retriable, cache_key, refresh_cache, task_parameters_id
	force      bool
}

// verdict is the contract's verdict on a proposal.
type verdict struct {
	status, reason string
	state          *modelState // to be written; its id and timestamp come from the response
	runCount       int         // before the count of this start
}

func (r *modelRun) state() *modelState { return r.states[len(r.states)-1] }

func (w *world) byID(id string) *modelRun {
	for _, r := range w.runs {
		if r.id == id {
			return r
		}
	}
	return nil
}

func (w *world) byKey(flowRunID any, taskKey, dynamicKey string) *modelRun {
	for _, r := range w.runs {
		if r.flowRunID == flowRunID && r.taskKey == taskKey && r.dynamicKey == dynamicKey {
			return r
		}
	}
	return nil
}

func (w *world) remove(gone *modelRun) {
	w.runs = slices.DeleteFunc(w.runs, func(r *modelRun) bool { return r == gone })
}

var (
	finals     = []string{"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
	unfinished = []string{"SCHEDULED", "PENDING"}
)

// evaluate returns the verdict on a proposal (contract §3.1 to §3.4). Scheduled times after now are in the future.
func (w *world) evaluate(r *modelRun, p proposal, now time.Time) verdict {
	v := verdict{status: "ACCEPT", state: stateOf(p), runCount: r.runCount}
	deferred := isBool(p.details["deferred"], true)
	if p.force && !deferred {
		return v
	}
	from, to := r.state(), v.state
	if deferred && to.kind == "PENDING" && slices.Contains([]string{"PENDING", "CANCELLING", "RUNNING", "CANCELLED"}, from.kind) {
		if from.kind != "PENDING" || from.name == to.name || to.name == "Pending" {
			return refuse("ABORT", r, "This run is in a "+from.kind+" state and cannot transition to a PENDING state.")
		}
		to.scheduled = from.scheduled
	}
	if hit := w.cached(to); hit != nil {
		found := *hit
		found.kind, found.name, found.cacheEntry = "COMPLETED", "Cached", false
		return verdict{status: "REJECT", reason: "Retrieved state from cache", state: &found, runCount: r.runCount}
	}
	return w.evaluateRest(r, p, v, now)
}

// evaluateRest applies the rules that follow the cache rule.
func (w *world) evaluateRest(r *modelRun, p proposal, v verdict, now time.Time) verdict {
	from, to := r.state(), v.state
	if slices.Contains(finals, from.kind) {
		switch {
		case slices.Contains([]string{"CANCELLING", "PAUSED", "CRASHED"}, to.kind):
			return refuse("ABORT", r, "Run is already "+from.kind+".")
		case from.kind == "COMPLETED" && from.data != nil:
			return refuse("REJECT", r, "This run is already completed.")
		case !slices.Contains(finals, to.kind):
			v.runCount = 0
		}
	}
	early := slices.Contains(unfinished, from.kind)
	if from.kind == "SCHEDULED" && to.kind == "PENDING" && to.scheduled == nil {
		to.scheduled = from.scheduled
	}
	if isBool(p.details["deferred"], true) && early && (to.kind == "PENDING" || to.kind == "RUNNING") && to.details["task_parameters_id"] == nil {
		to.details["task_parameters_id"] = from.details["task_parameters_id"]
	}
	if early && to.kind == "RUNNING" && isAhead(from.scheduled, now) {
		return refuse("WAIT", r, "Scheduled time is in the future")
	}
	if from.kind == "RUNNING" && to.kind == "FAILED" && !isBool(p.details["retriable"], false) && r.retries != nil && r.runCount <= *r.retries {
		again := &modelState{kind: "SCHEDULED", name: "AwaitingRetry", data: to.data, message: to.message, details: map[string]any{"deferred": false}, scheduled: unknown}
		return verdict{status: "REJECT", reason: "Retrying", state: again, runCount: v.runCount}
	}
	if to.kind == "RUNNING" && v.runCount > 0 {
		to.name = "Rerunning"
		if from.name == "AwaitingRetry" {
			to.name = "Retrying"
		}
	}
	to.cacheEntry = to.kind == "COMPLETED" && to.details["cache_key"] != nil
	return v
}

func refuse(status string, r *modelRun, reason string) verdict {
	return verdict{status: status, reason: reason, runCount: r.runCount}
}

// cached returns the newest cache entry for a start in this state.
func (w *world) cached(to *modelState) *modelState {
	key := to.details["cache_key"]
	if to.kind != "RUNNING" || key == nil || isBool(to.details["refresh_cache"], true) {
		return nil
	}
	var newest *modelState
	for _, r := range w.runs {
		for _, s := range r.states {
			if s.cacheEntry && s.details["cache_key"] == key && (newest == nil || byTimestamp(s, newest) > 0) {
				newest = s
			}
		}
	}
	return newest
}

func byTimestamp(a, b *modelState) int {
	return cmp.Or(instant(a.timestamp).Compare(instant(b.timestamp)), cmp.Compare(a.id, b.id))
}

// enter writes a state into the run and applies the transforms (contract §3.5). The state has its id and timestamp.
func (r *modelRun) enter(s *modelState, runCount int) {
	var from modelState
	if len(r.states) > 0 {
		from = *r.state()
	}
	r.runCount = runCount
	final := slices.Contains(finals, s.kind)
	if s.kind == "RUNNING" {
		r.runCount++
		if r.start == nil {
			r.start = s.timestamp
		}
	}
	switch {
	case slices.Contains(finals, from.kind) && !final:
		r.end = nil
	case final && r.end == nil:
		r.end = s.timestamp
		if r.start == nil {
			r.start = s.timestamp
		}
	}
	if from.kind == "RUNNING" {
		r.total += instant(s.timestamp).Sub(instant(from.timestamp))
	}
	if r.expected == nil {
		r.expected = s.timestamp
		if s.kind == "SCHEDULED" {
			r.expected = s.scheduled
		}
	}
	if from.kind == "SCHEDULED" {
		r.next = nil
	}
	if s.kind == "SCHEDULED" {
		r.next = s.scheduled
	}
	r.states = append(r.states, s)
}

// unknown stands for a value that only the server knows until it responds.
const unknown = "?"

func stateOf(p proposal) *modelState {
	s := &modelState{kind: p.kind, name: p.name, scheduled: p.scheduled, data: p.data, details: map[string]any{"deferred": false}}
	if s.name == "" {
		s.name = p.kind[:1] + lower(p.kind[1:])
	}
	maps.Copy(s.details, p.details)
	if p.kind == "SCHEDULED" && s.scheduled == nil {
		s.scheduled = unknown // the time of the request
	}
	return s
}

func isBool(value any, want bool) bool {
	b, ok := value.(bool)
	return ok && b == want
}

func lower(text string) string {
	b := []byte(text)
	for i := range b {
		b[i] += 'a' - 'A'
	}
	return string(b)
}

func isAhead(scheduled any, now time.Time) bool {
	text, ok := scheduled.(string)
	return ok && instant(text).After(now.Add(500*time.Millisecond))
}

// instant parses a time of the server.
func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err) // only texts already compared with the server's reach this function
	}
	return t
}
