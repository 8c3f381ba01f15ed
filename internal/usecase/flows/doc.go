// Package flows holds what can be done with flows and flow runs: register, create, read,
// set a state, resume, change, delete. REST and the controllers call it, so that a state
// changes in one place. It owns the interface TaskRuns, and has the FlowRuns that the use
// cases of task runs need.
package flows
