// Package feed keeps the recent state changes of a namespace for the readers of its
// event stream. All readers share one ring of changes and one encoding of each.
package feed
