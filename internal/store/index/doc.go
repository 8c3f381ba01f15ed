// Package index holds the runs of all namespaces in memory, with the columns and
// lookup tables for reads and queries. It does not call the API server: the caller
// adds the objects of a watch and of its own calls.
package index
