// Package ws is one websocket of the server: it accepts the connection, reads and writes frames within limits of size,
// memory and time, answers pings when all frames before them are handled, and closes the connection with the code that
// an error asks for. It does not know what the frames mean.
package ws
