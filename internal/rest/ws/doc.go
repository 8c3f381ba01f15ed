// Package ws implements one websocket of the server: it accepts the connection, reads and writes frames within limits
// of size, memory and time, responds to pings when all frames before them are handled, and closes the connection with
// the code of an error. It does not interpret frames.
package ws
