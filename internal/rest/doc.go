// Package rest serves the REST interface of a Prefect 3 server (contract §1, §2, §5; docs/prefect-contract.md). A handler
// decodes a request with package wire, calls one use case, and encodes the response. The rules are in the use cases.
//
// routes.go lists all routes. The handlers of a resource are in one file (handle_*.go), those of websockets in socket_*.go.
// Only errors.go turns errors into responses. server.go listens.
package rest
