// Package limiter limits the load on the server: requests in flight, websockets, the memory of bodies and responses,
// and what is open for callers that are not identified yet. Each limit has a total and a share per caller or address.
package limiter
