// Package index holds the runs of all namespaces in memory, with the columns and
// lookup tables that reads and queries use. It knows no API server: the caller adds
// the objects of a watch and of its own calls.
package index
