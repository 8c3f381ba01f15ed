// Package usecase holds what can be done with task runs: create, read, query, count,
// rename, delete, set a state, record reported events, deliver to workers and expire.
// REST, websockets and controllers all call it, so that a state changes in one place.
// It owns the interfaces that it needs beside the store: FlowRuns, Slots, Retention.
package usecase
