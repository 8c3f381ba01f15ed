// Package logs keeps the latest lines that clients logged, in memory, and queries them.
package logs
