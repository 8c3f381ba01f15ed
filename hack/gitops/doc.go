// Package gitops tests the health checks of config/gitops: it evaluates them as Flux and Argo CD do, on TaskRuns in every
// state. The objects in testdata are those that the operator writes; a test of internal/store/kube keeps them so.
package gitops
