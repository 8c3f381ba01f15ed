// Package flowindex keeps the flows and flow runs of a namespace in memory, with lookup
// tables, for the stores. The tables are B-trees whose copies share their nodes until they
// are changed: a snapshot costs a few allocations, whatever the number of runs.
package flowindex
