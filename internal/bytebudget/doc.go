// Package bytebudget has limits on bytes: of the buffers of all namespaces together, and of what the callers of the API
// have in memory.
package bytebudget
