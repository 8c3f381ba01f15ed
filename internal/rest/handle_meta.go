package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// health tells that the server lives, whatever its store does.
func (s *namespaceHandler) health(*request) (response, error) {
	return jsonBody(http.StatusOK, "true"), nil
}

// ready tells whether runs can be served.
func (s *namespaceHandler) ready(r *request) (response, error) {
	if err := s.Runs.Ready(r.ctx); err != nil {
		return response{}, &notReadyError{err}
	}
	return jsonMember(http.StatusOK, "message", "OK"), nil
}

// hello waves.
func (s *namespaceHandler) hello(*request) (response, error) {
	return jsonBody(http.StatusOK, `"👋"`), nil
}

// version answers with the version of this interface.
func (s *namespaceHandler) version(*request) (response, error) {
	return jsonBody(http.StatusOK, `"`+apiVersion+`"`), nil
}

// adminVersion answers with the version of Prefect that clients are to expect.
func (s *namespaceHandler) adminVersion(*request) (response, error) {
	return response{status: http.StatusOK, body: pyjson.AppendText(nil, s.options.PrefectVersion)}, nil
}

// adminStorage tells that no block says where results are to be stored: there
// are no blocks.
func (s *namespaceHandler) adminStorage(*request) (response, error) {
	return jsonBody(http.StatusOK, `{"default_result_storage_block_id":null}`), nil
}

// csrfToken gives a client a token, or tells it that it needs none: the text is
// what makes it stop asking (contract §0.4).
func (s *namespaceHandler) csrfToken(r *request) (response, error) {
	client, faults := wire.DecodeTokenQuery(r.query)
	if len(faults) > 0 {
		return response{}, &wire.InvalidError{Items: faults}
	}
	if s.csrf == nil {
		// No error: every client of Prefect asks, and this is the regular response.
		return jsonMember(http.StatusUnprocessableEntity, keyDetail, textCSRFIsOff), nil
	}
	now := s.now()
	until := now.Add(tokenLife)
	token := s.csrf.token(client, until)
	body := wire.AppendToken(make([]byte, 0, wire.TextSize), idOf(token), token, client, now, until)
	return response{status: http.StatusOK, body: body}, nil
}
