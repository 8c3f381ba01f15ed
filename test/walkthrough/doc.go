// Package walkthrough verifies docs/walkthrough.md and the README: its tests run every command of both against a stack
// that the program behind `make run` starts, and compare the output with the pages.
package walkthrough
