// Package flowwire reads and writes flows and flow runs as JSON: the bodies of requests
// become the types of the use cases, and their results responses (flows contract §3).
package flowwire
