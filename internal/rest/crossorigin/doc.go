// Package crossorigin decides which web pages can use the API: it checks the headers Host and Origin of requests,
// answers CORS preflights, and issues and checks CSRF tokens.
package crossorigin
