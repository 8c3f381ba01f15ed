// Package walkthrough proves that the README tells the truth: its test runs every command of the walk-through against a
// stack that the program behind `make run` starts, and compares what is printed with what the README shows.
package walkthrough
