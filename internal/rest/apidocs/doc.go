// Package apidocs describes the REST interface: the OpenAPI document of the routes that are served, and the page that
// shows it with Swagger UI.
package apidocs
