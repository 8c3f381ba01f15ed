// Package gitops tests the health checks of config/gitops: it evaluates them as Flux and Argo CD do, on TaskRuns in
// every state. The objects in testdata equal those that the operator writes, which a test of internal/store/kube
// checks.
package gitops
