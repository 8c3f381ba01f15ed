// Package bytebudget implements limits on memory: of the buffers of all namespaces together, and of the requests of the
// callers of the API.
package bytebudget
