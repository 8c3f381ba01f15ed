// Package logs keeps the latest lines that clients logged, in memory, and supports
// queries on them.
package logs
