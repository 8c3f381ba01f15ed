// Package limiter limits the load on the server: requests in flight, websockets, the memory of bodies and responses,
// and the requests and connections of unidentified callers. Each limit has a total and a share per caller or address.
package limiter
