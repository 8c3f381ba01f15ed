// Package convert converts the objects of the API to the runs and limits of the use
// cases, and back. An object without a status becomes a run in its initial state, so that
// every reader of an object gets the same run.
package convert
