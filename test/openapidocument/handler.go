package openapidocument

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
)

// Watch returns a handler that responds like another one, and reports every
// exchange. report is called concurrently, with the operation that Check
// returns; err is nil if the exchange conforms to the document.
func (d *Document) Watch(handler http.Handler, report func(e *Exchange, operation string, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			handler.ServeHTTP(w, r) // OpenAPI does not describe websockets
			return
		}
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			report(&Exchange{Request: r}, "", err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		e := &Exchange{Request: r, Sent: sent, Status: answer.Code, Header: answer.Header(), Answer: answer.Body.Bytes()}
		operation, err := d.Check(r.Context(), e)
		report(e, operation, err)

		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(e.Answer) // an error means that the client has disconnected
	})
}
