// Package usecase has the operations on task runs: create, read, query, count,
// rename, delete, set a state, record reported events, deliver to workers and expire.
// REST, websockets and controllers all call it, so that states change in one place.
// It owns the interfaces that it needs in addition to the store: FlowRuns, Slots,
// Retention.
package usecase
