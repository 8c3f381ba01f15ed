// Package sdk tests the program with the unmodified Prefect package: background tasks
// are submitted, served and waited for by real processes of it, which know nothing but
// PREFECT_API_URL, while operators, workers and the API server are killed.
//
// The tests have the build tag sdk, the chaos has chaos besides. They need Python;
// `make compat-sdk` and `make chaos` run them.
package sdk
