// Package walkthrough proves that docs/walkthrough.md and the README tell the truth: its tests run every command of both
// against a stack that the program behind `make run` starts, and compare what is printed with what the pages show.
package walkthrough
