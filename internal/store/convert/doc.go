// Package convert converts the objects of the API to the runs and limits of the use
// cases, and back. It reads objects without a status as the use cases begin a run, so
// that every reader of an object sees the same run.
package convert
