// Package bytebudget limits the bytes that the buffers of all namespaces hold together.
package bytebudget
