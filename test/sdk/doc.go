// Package sdk tests the program with the unmodified Prefect package: real processes of
// it, with only PREFECT_API_URL set, submit, serve and wait for background tasks,
// while operators, workers and the API server are killed.
//
// The tests have the build tag sdk, the chaos test also has chaos. They need Python;
// `make compat-sdk` and `make chaos` run them.
package sdk
