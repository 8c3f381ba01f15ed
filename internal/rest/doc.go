// Package rest answers HTTP requests as a Prefect 3 server does (contract §1,
// §2, §5): it decodes, validates, calls one use case, and encodes. What the use
// cases decide is not its business.
//
// routes.go lists all routes; the handlers of a resource are in one file
// (handle_*.go). Bodies are read by decode_*.go and written by encode_*.go;
// errors.go alone turns errors into answers. server.go listens.
package rest
